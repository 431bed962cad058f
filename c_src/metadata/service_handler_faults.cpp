// What is wrong with the body of a service, in words, and where.
#include <utility>

#include "metadata/service_handler.hpp"

namespace rancher_cnode::metadata {
namespace {

/// RapidJSON lets a lone low surrogate (an escaped U+DC00) pass and writes it as if it were a character. In
/// valid UTF-8 the byte ED is never followed by A0 or more (RFC 3629 section 4).
bool has_surrogate(std::string_view text) {
  for (std::size_t at = text.find('\xed'); at != std::string_view::npos; at = text.find('\xed', at + 1)) {
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xa0) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool ServiceHandler::check_text(Kind kind, std::string_view text) {
  if (kind != Kind::string) {
    return wrong(kind, "a string or null");
  }
  if (text.size() > max_json_text) {
    return fail(where() + " is longer than " + std::to_string(max_json_text) + " bytes");
  }
  if (has_surrogate(text)) {
    return fail(where() + " contains half a surrogate pair");
  }
  return true;
}

bool ServiceHandler::wrong(Kind kind, std::string_view expected) {
  return fail(where() + " is " + std::string(kind_words_[static_cast<std::size_t>(kind)]) + ", not " +
              std::string(expected));
}

bool ServiceHandler::fail(std::string problem) {
  problem_ = std::move(problem);
  return false;
}

std::string ServiceHandler::where() const {
  const auto& containers = service_.containers;
  const auto container = [](std::size_t index) { return "containers[" + std::to_string(index) + "]"; };
  switch (place_) {
    case Place::document:
      return "the answer";
    case Place::services:
      return "an entry of the answer";
    case Place::service:
      return field_name();
    case Place::containers:
      return container(containers.size());
    case Place::container:
      return container(containers.size() - 1) + "." + field_name();
    case Place::ips:
      return container(containers.size() - 1) + ".ips[" + std::to_string(containers.back().ips.size()) + "]";
    case Place::labels:
      return container(containers.size() - 1) + ".labels." + label_;
  }
  return {};
}

std::string ServiceHandler::field_name() const {
  return std::string(field_names_[static_cast<std::size_t>(field_)]);
}

}  // namespace rancher_cnode::metadata
