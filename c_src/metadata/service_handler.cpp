#include "metadata/service_handler.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::metadata {

using membership::Container;

ServiceHandler::Field ServiceHandler::field_of(std::string_view key) const {
  const bool in_service = place_ == Place::service;
  for (std::size_t i = 1; i < field_names_.size(); ++i) {
    if (key != field_names_[i]) {
      continue;
    }
    const auto field = static_cast<Field>(i);
    if (field == Field::labels && label_keys_.empty()) {
      return Field::none;
    }
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
  if (place_ == Place::labels) {
    const bool wanted = std::ranges::find(label_keys_, std::string_view(text, length)) != label_keys_.end();
    label_ = wanted ? std::string(text, length) : "";
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
      return wrong(kind, kind_ == ServiceBody::list ? "a list" : "an object");
    case Place::services:
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
    case Place::labels:
      return label_scalar(kind, text);
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
  if (field_ == Field::ips || field_ == Field::labels) {
    return wrong(kind, field_ == Field::ips ? "a list or null" : "an object or null");
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

bool ServiceHandler::label_scalar(Kind kind, std::string_view text) {
  if (label_.empty() || kind == Kind::null) {
    return true;
  }
  if (!check_text(kind, text)) {
    return false;
  }
  service_.containers.back().labels.insert_or_assign(label_, std::string(text));
  return true;
}

bool ServiceHandler::StartObject() {
  if (skipped_ > 0) {
    return skip();
  }
  switch (place_) {
    case Place::document:
      if (kind_ == ServiceBody::list) {
        return wrong(Kind::object, "a list");
      }
      [[fallthrough]];
    case Place::services:
      seen_in_service_ = 0;
      before_service_ = service_.containers.size();
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
    case Place::labels:
      return label_.empty() ? skip() : wrong(Kind::object, "a string or null");
    case Place::service:
    case Place::container:
      break;
  }
  if (field_ == Field::none) {
    return skip();
  }
  if (field_ == Field::labels) {
    label_.clear();
    place_ = Place::labels;
    return true;
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
      if (kind_ == ServiceBody::list) {
        place_ = Place::services;
        return true;
      }
      [[fallthrough]];
    case Place::services:
    case Place::containers:
      return wrong(Kind::array, "an object");
    case Place::ips:
      return wrong(Kind::array, "a string");
    case Place::labels:
      return label_.empty() ? skip() : wrong(Kind::array, "a string or null");
    case Place::service:
    case Place::container:
      break;
  }
  if (field_ == Field::none) {
    return skip();
  }
  if (field_ != Field::containers && field_ != Field::ips) {
    return wrong(Kind::array, field_ == Field::labels ? "an object or null" : "a string or null");
  }
  place_ = field_ == Field::containers ? Place::containers : Place::ips;
  return true;
}

bool ServiceHandler::skip() {
  // The places nest at most so many levels: only skipped values can be deep.
  const std::size_t places = kind_ == ServiceBody::list ? 5 : 4;
  if (++skipped_ > max_json_depth - places) {
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
    case Place::labels:
      place_ = Place::container;
      break;
    case Place::container:
      place_ = Place::containers;
      break;
    case Place::containers:
      place_ = Place::service;
      break;
    case Place::service:
      place_ = place_of_service();
      service_.has_empty_service |=
          kind_ == ServiceBody::list && service_.containers.size() == before_service_;
      if ((seen_in_service_ & (std::uint32_t{1} << static_cast<unsigned>(Field::containers))) == 0) {
        return fail("the object has no containers key, so it is not a service");
      }
      break;
    case Place::services:
      place_ = Place::document;
      break;
    case Place::document:
      break;
  }
  return true;
}

membership::Service ServiceHandler::take() {
  service_.containers.shrink_to_fit();
  if (kind_ == ServiceBody::list) {
    service_.name.clear();
    service_.uuid.clear();
    service_.primary_service_name.clear();
  }
  return std::move(service_);
}

}  // namespace rancher_cnode::metadata
