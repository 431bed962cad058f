#include "cli/doctor/answers.hpp"

#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::cli::doctor {
using distribution::TermReader;
using distribution::TermType;

std::optional<std::string> release_in(std::span<const char> term) {
  const auto type = TermReader(term).peek();
  if (!type || *type != TermType::string) {
    return std::nullopt;
  }
  std::string text = distribution::printed(term);
  std::erase(text, '"');
  return text;
}

std::optional<std::string> setting_in(std::span<const char> term) {
  TermReader reader(term);
  if (reader.accept_atom("undefined")) {
    return "";
  }
  if (!reader.accept_tuple(2) || !reader.accept_atom("ok")) {
    return std::nullopt;
  }
  const auto value = reader.atom();
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::int64_t> ticktime_in(std::span<const char> term) {
  TermReader reader(term);
  if (reader.accept_tuple(2) && !reader.accept_atom("ongoing_change_to")) {
    return std::nullopt;
  }
  const auto seconds = reader.integer();
  return seconds ? std::optional(*seconds) : std::nullopt;
}

std::vector<std::string> atoms_in(std::span<const char> term) {
  std::vector<std::string> atoms;
  TermReader reader(term);
  const auto length = reader.list();
  for (std::uint32_t i = 0; length && i < *length; ++i) {
    auto atom = reader.atom();
    if (!atom) {
      break;
    }
    atoms.push_back(*std::move(atom));
  }
  return atoms;
}

std::optional<std::vector<std::string>> applications_in(std::span<const char> term) {
  std::vector<std::string> names;
  TermReader reader(term);
  const auto length = reader.list();
  if (!length) {
    return std::nullopt;
  }
  for (std::uint32_t i = 0; i < *length; ++i) {
    if (!reader.accept_tuple(3)) {
      return std::nullopt;
    }
    auto name = reader.atom();
    if (!name || !reader.skip() || !reader.skip()) {
      return std::nullopt;
    }
    names.push_back(*std::move(name));
  }
  return names;
}

bool contains_atom(std::span<const char> term, std::string_view name) {
  TermReader reader(term);
  // Containers are entered, everything else is skipped; the tail of a list is a term like any other.
  while (!reader.at_end()) {
    if (reader.accept_atom(name)) {
      return true;
    }
    const auto type = reader.peek();
    if (!type) {
      return false;
    }
    const bool entered = *type == TermType::tuple  ? reader.tuple().has_value()
                         : *type == TermType::list ? reader.list().has_value()
                         : *type == TermType::map  ? reader.map().has_value()
                                                   : reader.skip().has_value();
    if (!entered) {
      return false;
    }
  }
  return false;
}

}  // namespace rancher_cnode::cli::doctor
