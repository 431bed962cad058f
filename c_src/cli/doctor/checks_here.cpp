// The checks of what is in this container beside the BEAM: settings, cookie, address, epmd, our own name and
// port.
#include <algorithm>

#include "cli/doctor/results.hpp"

namespace rancher_cnode::cli::doctor {
namespace {

constexpr mode_t bits_of_others = 077;
constexpr mode_t mode_bits = 07777;
constexpr std::size_t most_names = 10;

std::string octal(mode_t mode) {
  std::string text;
  for (int shift = 9; shift >= 0; shift -= 3) {
    text += static_cast<char>('0' + ((mode >> static_cast<unsigned>(shift)) & 7U));
  }
  return text;
}

std::vector<std::string> texts_of(const std::vector<Ipv4Address>& addresses) {
  std::vector<std::string> texts;
  for (const auto address : addresses) {
    if (address.is_host()) {
      texts.push_back(address.to_string());
    }
  }
  return texts;
}

std::string epmd_address(const Facts& facts) {
  return facts.address->to_string() + ":" + std::to_string(facts.epmd.port);
}

/// Where --ip came from.
std::string source_of_ip(const Facts& facts) {
  const auto found = std::ranges::find(facts.settings, std::string("ip"), &SettingInEffect::name);
  return found == facts.settings.end() ? "--ip" : found->from;
}

std::optional<Ipv4Address> known_to_metadata(const Facts& facts) {
  for (const auto& url : facts.urls) {
    if (url.answers.own_address) {
      return *url.answers.own_address;
    }
  }
  return std::nullopt;
}

}  // namespace

Result settings(const Facts& facts) {
  std::vector<std::string> changed;
  for (const auto& [name, value, from] : facts.settings) {
    if (from != "default" && name != "cookie") {
      std::string plain = value;
      std::erase(plain, '"');
      std::string& entry = changed.emplace_back(name);
      entry.append(" = ").append(plain).append(" (").append(from).append(")");
    }
  }
  const std::string text = changed.empty() ? "all are defaults" : listed(changed, changed.size());
  return facts.warnings.empty() ? ok(text) : warning(text, listed(facts.warnings, facts.warnings.size()));
}

Result cookie(const Facts& facts) {
  if (facts.cookie.error) {
    return failed(facts.cookie.error->message,
                  "start the BEAM with -setcookie, or set $RANCHER_CNODE_COOKIE or --cookie-file");
  }
  return ok("from " + facts.cookie.source);
}

Result cookie_file(const Facts& facts) {
  if (facts.cookie.file.empty()) {
    return facts.cookie.error ? skipped("no cookie was found") : ok("the cookie is in no file");
  }
  const std::string file = facts.cookie.file;
  if (!facts.cookie.mode) {
    return warning(file + " is not there", "create it; the C-node reads it as soon as it is there");
  }
  const std::string mode = octal(*facts.cookie.mode & mode_bits);
  const bool read_by_beams = facts.cookie.file.ends_with("/.erlang.cookie");
  if (read_by_beams && (*facts.cookie.mode & bits_of_others) != 0) {
    return warning(file + " has mode " + mode + ": a BEAM that reads it does not start", "chmod 400 " + file);
  }
  return ok(file + ", mode " + mode);
}

Result own_address(const Facts& facts) {
  const auto known = known_to_metadata(facts);
  const std::string interfaces = listed(texts_of(facts.interfaces));
  if (facts.config.ip && std::ranges::find(facts.interfaces, *facts.config.ip) == facts.interfaces.end()) {
    return failed(
        facts.config.ip->to_string() + " (" + source_of_ip(facts) +
            ") is on no interface of this container: " + (interfaces.empty() ? "there is none" : interfaces),
        known ? "the metadata knows this container as " + known->to_string() +
                    ": leave the setting out, or set that"
              : "leave the setting out, or set one of these");
  }
  if (!facts.address) {
    return failed("unknown; the interfaces have " + (interfaces.empty() ? "none" : interfaces),
                  "set --ip or $CONTAINER_IP, or correct the metadata");
  }
  return ok(facts.address->to_string());
}

Result epmd(const Facts& facts) {
  if (!facts.address) {
    return skipped("the own address is not known");
  }
  if (facts.epmd.dist_port) {
    return ok("not used: BEAMs are reached at port " + std::to_string(*facts.epmd.dist_port));
  }
  if (!facts.epmd.names) {
    return failed(epmd_address(facts) + ": " + facts.epmd.names.error().message,
                  "start epmd (a BEAM with a name starts one unless -start_epmd false), or use --start-epmd; "
                  "another port is set by $ERL_EPMD_PORT");
  }
  std::vector<std::string> names;
  for (const auto& name : *facts.epmd.names) {
    names.push_back(name);
  }
  return ok(epmd_address(facts) + " knows " + (names.empty() ? "no name" : listed(names, most_names)));
}

Result node_name(const Facts& facts) {
  if (!facts.address || !(facts.epmd.names || facts.epmd.dist_port)) {
    return skipped("epmd was not asked or does not answer");
  }
  const std::string name = NodeName::of(facts.config.basename, *facts.address).str();
  switch (facts.holder.kind) {
    case HolderFacts::Kind::nobody:
      return ok(name + (facts.epmd.dist_port ? " is free: no C-node is connected to the BEAM"
                                             : " is free: no C-node runs"));
    case HolderFacts::Kind::cnode:
      return ok(name + " is held by the running C-node, version " + facts.holder.version);
    case HolderFacts::Kind::unknown:
      return skipped("whoever holds " + name + " was not asked");
    case HolderFacts::Kind::other:
      break;
  }
  if (facts.beam.connection && !*facts.beam.connection && facts.beam.connection->error().stage == "tls") {
    return skipped(name + " is held; TLS fails as with the BEAM");
  }
  return failed(name + " is held by a program that does not answer as a C-node: " + facts.holder.error,
                "stop that program, or set another --basename");
}

Result listen_port(const Facts& facts) {
  if (facts.epmd.dist_port) {
    return ok("none: without epmd the C-node does not listen");
  }
  const auto [first, last] = facts.config.listen_ports;
  if (first == 0) {
    return ok("any free port");
  }
  const std::string range = std::to_string(first) + (first == last ? "" : "-" + std::to_string(last));
  if (facts.holder.kind == HolderFacts::Kind::cnode) {
    return ok(range + " is that of the running C-node");
  }
  for (std::uint32_t port = first; port <= last; ++port) {
    if (std::ranges::find(facts.listening, port) == facts.listening.end()) {
      return ok(std::to_string(port) + " is free");
    }
  }
  return failed(range + (first == last ? " is" : " are all") + " in use by another program",
                "stop it (ss -ltnp shows it), or set another --listen-port");
}

}  // namespace rancher_cnode::cli::doctor
