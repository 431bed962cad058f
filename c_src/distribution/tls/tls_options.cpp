#include "distribution/tls/tls_options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "distribution/tls/erlang_text.hpp"
#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/core/regular_file.hpp"

namespace rancher_cnode::distribution {
namespace {

/// They concern what an OpenSSL session does not do here, or only how a BEAM works.
constexpr auto irrelevant = std::to_array<std::string_view>(
    {"client_renegotiation", "erl_dist", "hibernate_after", "honor_cipher_order", "ktls", "log_level",
     "receiver_spawn_opts", "reuse_session", "reuse_sessions", "secure_renegotiate", "sender_spawn_opts",
     "session_tickets"});

constexpr std::size_t longest_name_shown = 64;

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? std::optional(value)
                                                                                : std::nullopt;
}

/// A string, a binary or, as in the arguments of a command line, anything that was written.
bool take_text(const TextTerm& value, std::string& target) {
  if (value.kind != TextTermKind::string) {
    return false;
  }
  target = value.text;
  return true;
}

bool take_choice(const TextTerm& value, Switch& target) {
  target = value.is_atom("true") ? Switch::on : Switch::off;
  return value.is_atom("true") || value.is_atom("false");
}

bool take_verify(const TextTerm& value, TlsSide& side) {
  // What is not understood must not open the door.
  side.verify = value.is_atom("verify_none") ? TlsVerify::none : TlsVerify::peer;
  return value.is_atom("verify_peer") || value.is_atom("verify_none");
}

bool take_versions(const TextTerm& value, TlsSide& side) {
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(value.elements, [&](const auto& version) { return version.is_atom(name); })
               ? Switch::on
               : Switch::off;
  };
  const auto is_ours = [](const TextTerm& version) {
    return version.is_atom("tlsv1.2") || version.is_atom("tlsv1.3");
  };
  if (value.kind != TextTermKind::list || std::ranges::none_of(value.elements, is_ours)) {
    return false;
  }
  side.tls_1_2 = has("tlsv1.2");
  side.tls_1_3 = has("tlsv1.3");
  return std::ranges::all_of(value.elements, is_ours);
}

/// False if it is not honoured.
bool take(TlsSide& side, std::string_view name, const TextTerm& value) {
  if (name == "certfile") {
    return take_text(value, side.cert_file);
  }
  if (name == "keyfile") {
    return take_text(value, side.key_file);
  }
  if (name == "cacertfile") {
    return take_text(value, side.ca_file);
  }
  if (name == "password") {
    std::string password;
    const bool taken = take_text(value, password);
    side.password = Cookie(std::move(password));
    return taken;
  }
  if (name == "verify") {
    return take_verify(value, side);
  }
  if (name == "fail_if_no_peer_cert") {
    return take_choice(value, side.require_certificate);
  }
  if (name == "depth") {
    side.depth = number(value.text);
    return side.depth.has_value();
  }
  if (name == "versions") {
    return take_versions(value, side);
  }
  return std::ranges::find(irrelevant, name) != irrelevant.end();
}

void ignore(TlsOptions& options, std::string_view role, std::string_view name) {
  options.ignored.push_back(std::string(role) + " " + printable(std::string(name), longest_name_shown));
}

/// The first value of an option counts, as in a property list.
bool take_side(TlsOptions& options, TlsSide& side, std::string_view role, const TextTerm& list) {
  if (list.kind != TextTermKind::list) {
    return false;
  }
  std::vector<std::string_view> seen;
  for (const TextTerm& option : list.elements) {
    const bool is_pair = option.kind == TextTermKind::tuple && option.elements.size() == 2;
    const TextTerm& name = is_pair ? option.elements[0] : option;
    if (name.kind != TextTermKind::atom) {
      return false;
    }
    if (std::ranges::find(seen, name.text) != seen.end()) {
      continue;
    }
    seen.push_back(name.text);
    const TextTerm set{TextTermKind::atom, "true"};
    if (!take(side, name.text, is_pair ? option.elements[1] : set)) {
      ignore(options, role, name.text);
    }
  }
  return true;
}

/// OTP 25 verifies only what it is asked to, OTP 26 and later a server always.
void verify_where_possible(TlsOptions& options, const TextTerm* client) {
  const auto names_verify = [](const TextTerm& option) {
    return !option.elements.empty() && option.elements[0].is_atom("verify");
  };
  const bool is_asked = client != nullptr && std::ranges::any_of(client->elements, names_verify);
  if (!is_asked && !options.client.ca_file.empty()) {
    options.client.verify = TlsVerify::peer;
  }
}

/// client_verify verify_peer server_certfile FILE ...; what is not such a pair is ignored.
TlsOptions of_arguments(const std::vector<std::string>& arguments) {
  TlsOptions options;
  TextTerm client{TextTermKind::list};
  TextTerm server{TextTermKind::list};
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string_view argument = arguments[i];
    const bool is_client = argument.starts_with("client_");
    if (!is_client && !argument.starts_with("server_")) {
      continue;
    }
    const std::string_view name = argument.substr(sizeof("client_") - 1);
    const bool is_text =
        name == "certfile" || name == "keyfile" || name == "cacertfile" || name == "password";
    TextTerm pair{TextTermKind::tuple};
    pair.elements.push_back({TextTermKind::atom, std::string(name)});
    pair.elements.push_back({is_text ? TextTermKind::string : TextTermKind::atom, arguments[i + 1]});
    (is_client ? client : server).elements.push_back(std::move(pair));
  }
  take_side(options, options.server, "server", server);
  take_side(options, options.client, "client", client);
  verify_where_possible(options, &client);
  return options;
}

/// Mutual authentication, or none.
TlsOptions of_files(const TlsSettings& settings) {
  TlsOptions options;
  options.server.cert_file = settings.cert_file;
  options.server.key_file = settings.key_file;
  options.server.ca_file = settings.ca_file;
  options.server.verify = TlsVerify::peer;
  options.server.require_certificate = Switch::on;
  options.client = options.server;
  return options;
}

/// As seen from the folder of the BEAM.
std::string from_folder(const std::string& folder, const std::string& path) {
  return path.empty() || path.front() == '/' || folder.empty() ? path : folder + '/' + path;
}

Expected<TlsOptions> of_source(const TlsSettings& settings) {
  if (!settings.cert_file.empty()) {
    return of_files(settings);
  }
  if (settings.optfile.empty()) {
    return of_arguments(settings.beam_arguments);
  }
  const std::string path = from_folder(settings.folder, settings.optfile);
  const auto text = read_file(path, max_erlang_text);
  if (!text) {
    return failure(ErrorCode::unavailable, text.error().within(path).message);
  }
  auto options = tls_options_in(*text);
  if (!options) {
    return tl::unexpected<Error>(options.error().within(path));
  }
  return options;
}

}  // namespace

Expected<TlsOptions> tls_options_in(std::string_view text) {
  const auto term = read_erlang_text(text);
  if (!term) {
    return tl::unexpected<Error>(term.error());
  }
  const auto no_options = [] {
    return failure(ErrorCode::malformed, "must be [{server, [...]}, {client, [...]}].");
  };
  if (term->kind != TextTermKind::list) {
    return no_options();
  }
  TlsOptions options;
  const TextTerm* client = nullptr;
  for (const TextTerm& side : term->elements) {
    if (side.kind != TextTermKind::tuple || side.elements.size() != 2) {
      return no_options();
    }
    bool taken = true;
    if (side.elements[0].is_atom("server")) {
      options.server = {};
      taken = take_side(options, options.server, "server", side.elements[1]);
    } else if (side.elements[0].is_atom("client")) {
      options.client = {};
      client = &side.elements[1];
      taken = take_side(options, options.client, "client", side.elements[1]);
    }
    if (!taken) {
      return no_options();
    }
  }
  verify_where_possible(options, client);
  return options;
}

Expected<TlsOptions> tls_options(const TlsSettings& settings) {
  auto options = of_source(settings);
  if (!options) {
    return options;
  }
  for (TlsSide* side : {&options->server, &options->client}) {
    for (std::string* path : {&side->cert_file, &side->key_file, &side->ca_file}) {
      *path = from_folder(settings.folder, *path);
    }
    if (settings.verify) {
      side->verify = *settings.verify;
      side->require_certificate = *settings.verify == TlsVerify::peer ? Switch::on : Switch::off;
    }
  }
  return options;
}

}  // namespace rancher_cnode::distribution
