// The rules for single values, as functions of text. Used by validation; each returns nothing if the rule is
// broken, and validation reports the rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/config/config.hpp"

namespace rancher_cnode::config {

/// Decimal digits only, from least to most.
[[nodiscard]] std::optional<std::uint64_t> number_between(std::string_view text, std::uint64_t least,
                                                          std::uint64_t most);

/// A whole number with its unit: ms, s, m, h or d; without one in milliseconds. From least to most.
[[nodiscard]] std::optional<Milliseconds> duration_between(std::string_view text, Milliseconds least,
                                                           Milliseconds most);

/// In the largest unit that is exact: 0, 250ms, 5s, 1d.
[[nodiscard]] std::string duration_text(Milliseconds duration);

/// "250ms to 1h"
[[nodiscard]] std::string duration_range(Milliseconds least, Milliseconds most);

/// "must be a duration from 250ms to 1h, ..."
[[nodiscard]] std::string duration_rule(Milliseconds least, Milliseconds most);

/// on or true, off or false.
[[nodiscard]] std::optional<Switch> on_or_off(std::string_view text);

/// The words of on|off.
[[nodiscard]] std::vector<std::string> choices_of(std::string_view argument);

/// "must be one of any|passing", and which of them the text may stand for.
[[nodiscard]] std::string choice_rule(std::string_view text, std::string_view choices);

/// module:function, each 1 to 255 printable ASCII characters without blanks, quotes, backslash, comma, # and
/// colon.
[[nodiscard]] std::optional<ModuleFunction> module_function(std::string_view text);

/// N or N-M: 0 for any port, or 1 to 65535 with N <= M.
[[nodiscard]] std::optional<PortRange> port_range(std::string_view text);

/// [ADDRESS:]PORT: an IPv4 address, else 0.0.0.0, and a port from 1 to 65535.
[[nodiscard]] std::optional<HttpEndpoint> http_endpoint(std::string_view text);

/// One component of a path: [A-Za-z0-9._-], neither . nor .. nor empty.
[[nodiscard]] bool is_path_component(std::string_view text);

/// Components joined by single slashes, none outside.
[[nodiscard]] bool is_relative_path(std::string_view text);

/// PATH or PATH=BASENAME: a relative path, and an alive name.
[[nodiscard]] std::optional<PeerService> peer_service(std::string_view text);

/// KEY, KEY=VALUE, KEY!=VALUE or KEY=self. Key and value are 1 to 255 printable ASCII characters without
/// blanks, quotes, backslash, comma, # and =; the key does not end in !.
[[nodiscard]] std::optional<LabelRule> label_rule(std::string_view text);

/// A base URL, http, https or file, with its trailing slashes removed. No credentials, query or fragment, no
/// empty and no dot components in the path (the metadata service answers those with redirects).
[[nodiscard]] std::optional<std::string> base_url(std::string_view text);

/// 1 to 4096 bytes that a --config file can contain as well: no control characters, ", \ and #.
[[nodiscard]] bool is_plain_text(std::string_view text);

}  // namespace rancher_cnode::config
