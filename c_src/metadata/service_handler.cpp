#include "metadata/service_handler.hpp"

#include <utility>

#include "metadata/service_reader.hpp"

namespace rancher_cnode::metadata {

using membership::Container;

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

ServiceHandler::Field ServiceHandler::field_of(std::string_view key) const {
  const bool in_service = place_ == Place::service;
  for (std::size_t i = 1; i < field_names_.size(); ++i) {
    if (key != field_names_[i]) {
      continue;
    }
    const auto field = static_cast<Field>(i);
    const bool of_both = field <= Field::name;
    const bool of_service = field <= Field::containers;
    return of_both || of_service == in_service ? field : Field::none;
  }
  return Field::none;
}

bool ServiceHandler::Key(const char* text, unsigned length, bool) {
  if (skipped_ > 0) {
    return true;
  }
  field_ = field_of({text, length});
  if (field_ == Field::none) {
    return true;
  }
  std::uint32_t& seen = place_ == Place::service ? seen_in_service_ : seen_in_container_;
  const std::uint32_t bit = std::uint32_t{1} << static_cast<unsigned>(field_);
  if ((seen & bit) != 0) {
    return fail(where() + " is duplicated");
  }
  seen |= bit;
  return true;
}

bool ServiceHandler::scalar(Kind kind, std::string_view text) {
  if (skipped_ > 0) {
    return true;
  }
  switch (place_) {
    case Place::document:
      return wrong(kind, "an object");
    case Place::service:
      return field_ == Field::none || service_scalar(kind, text);
    case Place::container:
      return field_ == Field::none || container_scalar(kind, text);
    case Place::containers:
      if (kind == Kind::string) {
        return fail("containers are listed by name only; use a later metadata version, such as latest");
      }
      return wrong(kind, "an object");
    case Place::ips:
      return ips_scalar(kind, text);
  }
  return false;
}

bool ServiceHandler::service_scalar(Kind kind, std::string_view text) {
  if (kind == Kind::null) {
    return true;
  }
  if (field_ == Field::containers) {
    return wrong(kind, "a list or null");
  }
  if (!check_text(kind, text)) {
    return false;
  }
  switch (field_) {
    case Field::name:
      service_.name = text;
      break;
    case Field::stack_name:
      service_.stack_name = text;
      break;
    case Field::uuid:
      service_.uuid = text;
      break;
    case Field::primary_service_name:
      service_.primary_service_name = text;
      break;
    default:
      break;
  }
  return true;
}

bool ServiceHandler::container_scalar(Kind kind, std::string_view text) {
  if (kind == Kind::null) {
    return true;
  }
  if (field_ == Field::ips) {
    return wrong(kind, "a list or null");
  }
  if (!check_text(kind, text)) {
    return false;
  }
  Container& container = service_.containers.back();
  const auto assign_unless_empty = [text](std::optional<std::string>& field) {
    if (!text.empty()) {
      field.emplace(text);
    }
  };
  switch (field_) {
    case Field::uuid:
      container.uuid = text;
      break;
    case Field::name:
      container.name = text;
      break;
    case Field::state:
      container.state = text;
      break;
    case Field::primary_ip:
      assign_unless_empty(container.primary_ip);
      break;
    case Field::health_state:
      assign_unless_empty(container.health_state);
      break;
    case Field::network_from_container_uuid:
      assign_unless_empty(container.network_from_container_uuid);
      break;
    default:
      break;
  }
  return true;
}

bool ServiceHandler::ips_scalar(Kind kind, std::string_view text) {
  if (kind != Kind::string) {
    return wrong(kind, "a string");
  }
  if (!check_text(kind, text)) {
    return false;
  }
  auto& ips = service_.containers.back().ips;
  if (ips.size() == max_ips) {
    place_ = Place::container;
    return fail(where() + " has more than " + std::to_string(max_ips) + " entries");
  }
  ips.emplace_back(text);
  return true;
}

bool ServiceHandler::StartObject() {
  if (skipped_ > 0) {
    return skip();
  }
  switch (place_) {
    case Place::document:
      place_ = Place::service;
      return true;
    case Place::containers:
      if (service_.containers.size() == max_containers) {
        return fail("more than " + std::to_string(max_containers) + " containers");
      }
      service_.containers.emplace_back();
      seen_in_container_ = 0;
      place_ = Place::container;
      return true;
    case Place::ips:
      return wrong(Kind::object, "a string");
    case Place::service:
    case Place::container:
      break;
  }
  if (field_ == Field::none) {
    return skip();
  }
  const bool list = field_ == Field::containers || field_ == Field::ips;
  return wrong(Kind::object, list ? "a list or null" : "a string or null");
}

bool ServiceHandler::StartArray() {
  if (skipped_ > 0) {
    return skip();
  }
  switch (place_) {
    case Place::document:
    case Place::containers:
      return wrong(Kind::array, "an object");
    case Place::ips:
      return wrong(Kind::array, "a string");
    case Place::service:
    case Place::container:
      break;
  }
  if (field_ == Field::none) {
    return skip();
  }
  if (field_ != Field::containers && field_ != Field::ips) {
    return wrong(Kind::array, "a string or null");
  }
  place_ = field_ == Field::containers ? Place::containers : Place::ips;
  return true;
}

bool ServiceHandler::skip() {
  // The four places nest at most four levels, so only skipped values can be deep.
  if (++skipped_ > max_json_depth - 4) {
    return fail("nested deeper than " + std::to_string(max_json_depth) + " levels");
  }
  return true;
}

bool ServiceHandler::close() {
  if (skipped_ > 0) {
    --skipped_;
    return true;
  }
  switch (place_) {
    case Place::ips:
      place_ = Place::container;
      break;
    case Place::container:
      place_ = Place::containers;
      break;
    case Place::containers:
      place_ = Place::service;
      break;
    case Place::service:
      place_ = Place::document;
      if ((seen_in_service_ & (std::uint32_t{1} << static_cast<unsigned>(Field::containers))) == 0) {
        return fail("the object has no containers key, so it is not a service");
      }
      break;
    case Place::document:
      break;
  }
  return true;
}

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
    case Place::service:
      return field_name();
    case Place::containers:
      return container(containers.size());
    case Place::container:
      return container(containers.size() - 1) + "." + field_name();
    case Place::ips:
      return container(containers.size() - 1) + ".ips[" + std::to_string(containers.back().ips.size()) + "]";
  }
  return {};
}

std::string ServiceHandler::field_name() const {
  return std::string(field_names_[static_cast<std::size_t>(field_)]);
}

membership::Service ServiceHandler::take() {
  service_.containers.shrink_to_fit();
  return std::move(service_);
}

}  // namespace rancher_cnode::metadata
