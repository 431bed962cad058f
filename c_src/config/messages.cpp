#include "rancher_cnode/config/messages.hpp"

#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode::config {
std::string shown(std::string_view text) { return "'" + printable(text, longest_shown) + "'"; }

std::string violation(std::string_view name, const RawValue& value, std::string_view rule) {
  std::string message = flag_of(name) + " " + shown(value.texts.front());
  if (!value.place.empty()) {
    message += " (from " + value.place + ")";
  }
  message.append(" ").append(rule);
  return message;
}

}  // namespace rancher_cnode::config
