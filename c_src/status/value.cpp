#include "rancher_cnode/status/value.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::status {
namespace {

using distribution::TermReader;
using distribution::TermType;

tl::unexpected<Error> bad(std::string message) { return failure(ErrorCode::malformed, std::move(message)); }

class ValueReader {
 public:
  explicit ValueReader(std::span<const char> term) : reader_(term) {}

  Expected<Value> value(int depth) {
    if (depth > Value::max_depth || ++count_ > Value::max_values) {
      return bad("it is too deep or too large");
    }
    const auto type = reader_.peek();
    if (!type) {
      return tl::unexpected<Error>(type.error());
    }
    switch (*type) {
      case TermType::atom:
        return reader_.atom().map(
            [](std::string text) { return scalar(Value::Kind::atom, std::move(text)); });
      case TermType::binary:
        return reader_.binary().map(
            [](std::string text) { return scalar(Value::Kind::text, std::move(text)); });
      case TermType::integer:
        return reader_.integer().map([](std::int64_t number) {
          Value value = scalar(Value::Kind::integer, {});
          value.integer = number;
          return value;
        });
      case TermType::nil:
      case TermType::list:
        return list(depth);
      case TermType::map:
        return map(depth);
      default:
        return bad("it has a term of a kind that no status has");
    }
  }

  [[nodiscard]] bool at_end() const { return reader_.at_end(); }

 private:
  static Value scalar(Value::Kind kind, std::string text) {
    Value value;
    value.kind = kind;
    value.text = std::move(text);
    return value;
  }

  Expected<Value> list(int depth) {
    Value list;
    list.kind = Value::Kind::list;
    const bool empty = reader_.nil().has_value();
    const auto length = empty ? Expected<std::uint32_t>(0) : reader_.list();
    for (std::uint32_t i = 0; length && i < *length; ++i) {
      auto item = value(depth + 1);
      if (!item) {
        return item;
      }
      list.items.push_back(*std::move(item));
    }
    if (!length || (!empty && !reader_.nil())) {
      return bad("it has an improper list");
    }
    return list;
  }

  Expected<Value> map(int depth) {
    Value map;
    map.kind = Value::Kind::map;
    const auto pairs = reader_.map();
    if (pairs && *pairs > Value::max_keys) {
      return bad("it has a map with too many keys");
    }
    for (std::uint32_t i = 0; pairs && i < *pairs; ++i) {
      auto key = reader_.atom();
      if (!key) {
        return bad("it has a map with a key that is not an atom");
      }
      if (map.find(*key) != nullptr) {
        return bad("it has a map with a key twice");
      }
      auto item = value(depth + 1);
      if (!item) {
        return item;
      }
      map.keys.push_back(*std::move(key));
      map.items.push_back(*std::move(item));
    }
    return pairs ? Expected<Value>(std::move(map)) : tl::unexpected<Error>(pairs.error());
  }

  TermReader reader_;
  std::size_t count_ = 0;
};

}  // namespace

Expected<Value> Value::read(std::span<const char> term) {
  ValueReader reader(term);
  auto value = reader.value(0);
  if (value && !reader.at_end()) {
    return bad("something follows it");
  }
  return value;
}

const Value* Value::find(std::string_view key) const {
  const auto found = std::ranges::find(keys, key);
  return found == keys.end() ? nullptr : &items[static_cast<std::size_t>(found - keys.begin())];
}

}  // namespace rancher_cnode::status
