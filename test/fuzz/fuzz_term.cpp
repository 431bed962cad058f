// Any bytes as a term: every reader, and what was read is written and read again.
#include <vector>

#include "fuzz.hpp"
#include "rancher_cnode/distribution/term.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;

namespace {

/// Reads whatever stands there, into its elements, as far as it goes.
void walk(TermReader reader, std::size_t steps) {
  while (!reader.at_end() && steps-- > 0) {
    const auto before = reader.rest().size();
    const auto type = reader.peek();
    if (!type) {
      return;
    }
    bool read = false;
    switch (*type) {
      case TermType::atom:
        read = reader.atom().has_value();
        break;
      case TermType::integer:
        read = reader.integer().has_value();
        break;
      case TermType::binary:
        read = reader.binary().has_value();
        break;
      case TermType::tuple:
        read = reader.tuple().has_value();
        break;
      case TermType::list:
        read = reader.list().has_value();
        break;
      case TermType::nil:
        read = reader.nil().has_value();
        break;
      case TermType::map:
        read = reader.map().has_value();
        break;
      case TermType::pid:
        read = reader.pid().has_value();
        break;
      case TermType::reference:
        read = reader.reference().has_value();
        break;
      case TermType::floating:
      case TermType::string:
      case TermType::port:
      case TermType::fun:
      case TermType::bits:
        break;
    }
    if (!read && !reader.skip()) {
      return;
    }
    fuzz::require(reader.rest().size() < before);
  }
}

template <class Value, class Write>
void require_same_again(const Expected<Value>& value, Write write) {
  if (value) {
    fuzz::require(write(*value) == value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size on the heap, so that a read beyond it is seen.
  const auto input = fuzz::bytes(data, size);
  const TermBytes exact(input.begin(), input.end());
  constexpr std::size_t limit = 50;
  fuzz::require(printed(exact, limit).size() <= limit + 3);
  walk(TermReader(exact), 1'000);

  TermReader whole(exact);
  if (const auto term = whole.skip()) {
    fuzz::require(term->size() + whole.rest().size() == exact.size());
    // The same term in a buffer of its own is the same term.
    const TermBytes alone(term->begin(), term->end());
    TermReader again(alone);
    fuzz::require(again.skip().has_value() && again.at_end());
  }
  require_same_again(TermReader(exact).integer(), [](std::int64_t value) {
    return TermReader(TermWriter().integer(value).bytes()).integer();
  });
  require_same_again(TermReader(exact).binary(), [](const std::string& value) {
    return TermReader(TermWriter().binary(value).bytes()).binary();
  });
  require_same_again(TermReader(exact).pid(),
                     [](const Pid& value) { return TermReader(TermWriter().pid(value).bytes()).pid(); });
  require_same_again(TermReader(exact).reference(), [](const Reference& value) {
    return TermReader(TermWriter().reference(value).bytes()).reference();
  });
  return 0;
}
