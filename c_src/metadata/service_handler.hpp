// The SAX events of a service's body, turned into a membership::Service. Used by service_reader only.
//
// Its position in the document is a place and, inside unused values, a depth.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metadata/service_reader.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::metadata {

class ServiceHandler {
 public:
  ServiceHandler(ServiceBody kind, std::vector<std::string> label_keys)
      : kind_(kind), label_keys_(std::move(label_keys)) {}

  // The events by RapidJSON's names. False ends the parse; problem() then has the reason.
  bool Null() { return scalar(Kind::null, {}); }
  bool Bool(bool) { return scalar(Kind::boolean, {}); }
  bool Int(int) { return scalar(Kind::number, {}); }
  bool Uint(unsigned) { return scalar(Kind::number, {}); }
  bool Int64(std::int64_t) { return scalar(Kind::number, {}); }
  bool Uint64(std::uint64_t) { return scalar(Kind::number, {}); }
  bool Double(double) { return scalar(Kind::number, {}); }
  bool RawNumber(const char*, unsigned, bool) { return scalar(Kind::number, {}); }
  bool String(const char* text, unsigned length, bool) { return scalar(Kind::string, {text, length}); }
  bool Key(const char* text, unsigned length, bool);
  bool StartObject();
  bool EndObject(unsigned) { return close(); }
  bool StartArray();
  bool EndArray(unsigned) { return close(); }

  /// What is wrong with the document, in words; empty if nothing.
  [[nodiscard]] const std::string& problem() const { return problem_; }

  /// The service, after a successful parse.
  [[nodiscard]] membership::Service take();

 private:
  enum class Kind { null, boolean, number, string, object, array };
  enum class Place { document, services, service, containers, container, ips, labels };
  /// The used fields: of both kinds of object, then of the service only, then of a container only.
  enum class Field {
    none,
    uuid,
    name,
    stack_name,
    primary_service_name,
    containers,
    primary_ip,
    ips,
    state,
    health_state,
    network_from_container_uuid,
    labels,
  };
  /// In the order of Field.
  static constexpr std::array<std::string_view, 12> field_names_{
      "",           "uuid", "name",  "stack_name",   "primary_service_name",        "containers",
      "primary_ip", "ips",  "state", "health_state", "network_from_container_uuid", "labels"};
  /// In the order of Kind.
  static constexpr std::array<std::string_view, 6> kind_words_{"null",     "true or false", "a number",
                                                               "a string", "an object",     "a list"};

  [[nodiscard]] Field field_of(std::string_view key) const;
  bool scalar(Kind kind, std::string_view text);
  bool skip();
  bool close();
  bool check_text(Kind kind, std::string_view text);
  bool wrong(Kind kind, std::string_view expected);
  bool fail(std::string problem);
  bool service_scalar(Kind kind, std::string_view text);
  bool container_scalar(Kind kind, std::string_view text);
  bool ips_scalar(Kind kind, std::string_view text);
  bool label_scalar(Kind kind, std::string_view text);
  [[nodiscard]] Place place_of_service() const {
    return kind_ == ServiceBody::list ? Place::services : Place::document;
  }
  [[nodiscard]] std::string where() const;
  [[nodiscard]] std::string field_name() const;

  const ServiceBody kind_;
  const std::vector<std::string> label_keys_;
  Place place_ = Place::document;
  Field field_ = Field::none;
  std::size_t before_service_ = 0;  ///< containers of the services before, in a list
  std::string label_;               ///< the key that is read; "" if it is not wanted
  std::size_t skipped_ = 0;         ///< open objects and lists of an unused value
  std::uint32_t seen_in_service_ = 0;
  std::uint32_t seen_in_container_ = 0;
  membership::Service service_;
  std::string problem_;
};

}  // namespace rancher_cnode::metadata
