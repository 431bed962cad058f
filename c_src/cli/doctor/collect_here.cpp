#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "cli/doctor/collect.hpp"
#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/core/interfaces.hpp"
#include "rancher_cnode/host/beam_distribution.hpp"
#include "rancher_cnode/host/process_table.hpp"

namespace rancher_cnode::cli::doctor {
namespace {

constexpr std::string_view state_listen = "0A";

std::string network_of(const std::string& process) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/" + process + "/ns/net", error).string();
}

/// A BEAM in another network namespace is another container's, whatever it is called. Where that cannot be
/// seen, it counts as here.
bool is_in_our_network(const host::Beam& beam) {
  const std::string its = network_of(std::to_string(beam.pid));
  const std::string ours = network_of("self");
  return its.empty() || ours.empty() || its == ours;
}

std::vector<host::Beam> beams_here() {
  auto beams = host::ProcessTable().beams();
  std::erase_if(beams, [](const host::Beam& beam) { return !is_in_our_network(beam); });
  return beams;
}

host::Selection select(const std::vector<host::Beam>& beams, host::Criteria criteria) {
  auto selection = host::select(beams, criteria);
  if (!selection.beam && criteria.alive_name) {
    // As the C-node does: it may have another alive name than its peers.
    criteria.alive_name.reset();
    if (auto other = host::select(beams, criteria); other.beam) {
      return other;
    }
  }
  return selection;
}

/// The file of a source such as '/root/.erlang.cookie', as cookie_of() shows it.
std::string file_in(const std::string& source) {
  const auto end = source.find('\'', 1);
  return source.starts_with('\'') && end != std::string::npos ? source.substr(1, end - 1) : "";
}

void note_file(CookieFacts& cookie, const std::string& file, const std::string& seen_at) {
  struct stat status {};
  cookie.file = file;
  if (!file.empty() && ::stat(seen_at.c_str(), &status) == 0) {
    cookie.mode = status.st_mode;
  }
}

std::string source_in(const std::vector<SettingInEffect>& settings) {
  const auto found = std::ranges::find(settings, std::string("cookie"), &SettingInEffect::name);
  return found == settings.end() ? "the settings" : found->from;
}

void collect_cookie(Facts& facts, const std::vector<host::Beam>& beams) {
  auto& cookie = facts.cookie;
  const auto& chosen = facts.beam.selection.beam;
  // One with a short name has a cookie as well.
  const host::Beam* const beam = chosen ? &*chosen : beams.empty() ? nullptr : &beams.front();
  const auto of_beam = beam == nullptr
                           ? failure(ErrorCode::not_found, "no BEAM runs here whose cookie could be used")
                           : host::ProcessTable().cookie_of(*beam);
  if (of_beam) {
    cookie.beam_source = of_beam->source;
  }
  const auto of_settings = cookie_of(facts.config);
  cookie.from_settings = facts.config.cookie_origin == CookieOrigin::setting;
  const bool unreadable = !of_beam && of_beam.error().code == ErrorCode::unavailable;
  const bool has_other = of_settings && !of_settings->empty();
  if (cookie.from_settings || (has_other && (unreadable || beam == nullptr))) {
    cookie.source = source_in(facts.settings);
    note_file(cookie, facts.config.cookie_path, facts.config.cookie_path);
    if (!of_settings) {
      cookie.error = of_settings.error();
    } else {
      facts.config.cookie = *of_settings;
    }
  } else if (of_beam) {
    cookie.source = of_beam->source + ", as the BEAM";
    const std::string file = file_in(of_beam->source);
    note_file(cookie, file, "/proc/" + std::to_string(beam->pid) + "/root" + file);
    facts.config.cookie = of_beam->cookie;
  } else {
    cookie.error = of_beam.error();
  }
  if (of_beam && !cookie.error) {
    cookie.beam = of_beam->cookie.reveal() == facts.config.cookie.reveal() ? CookieFacts::Match::same
                                                                           : CookieFacts::Match::different;
  }
}

std::string contents_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A hexadecimal number; nothing if it is none.
std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// As the kernel prints it: in the byte order of this machine.
bool is_at(std::string_view host, Ipv4Address address) {
  if (host.find_first_not_of('0') == std::string_view::npos) {
    return true;
  }
  // An IPv4 address in IPv6 form ends in it.
  const auto bits = hexadecimal(host.substr(host.size() - std::min<std::size_t>(host.size(), 8)));
  return bits && __builtin_bswap32(*bits) == address.bits();
}

}  // namespace

std::vector<std::uint16_t> listening_ports(std::string_view table, Ipv4Address address) {
  std::vector<std::uint16_t> ports;
  std::istringstream lines{std::string(table)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    words >> number >> local >> remote >> state;
    const auto colon = local.find(':');
    if (state != state_listen || colon == std::string::npos) {
      continue;
    }
    const auto port = hexadecimal(std::string_view(local).substr(colon + 1));
    if (port && is_at(std::string_view(local).substr(0, colon), address)) {
      ports.push_back(static_cast<std::uint16_t>(*port));
    }
  }
  return ports;
}

void collect_here(Facts& facts) {
  facts.interfaces = interface_addresses().value_or(std::vector<Ipv4Address>());
  facts.address = usable_address(facts);
  const auto beams = beams_here();
  const auto alive_name =
      facts.config.node_basename.empty() ? std::nullopt : std::optional(facts.config.node_basename);
  facts.beam.running = beams.size();
  facts.beam.selection = select(
      beams, {.own_address = facts.address, .alive_name = alive_name, .process = facts.config.watch_pid});
  const auto& beam = facts.beam.selection.beam;
  if (beam) {
    facts.beam.name = *NodeName::parse(beam->arguments.name);
    facts.epmd.port = beam->arguments.epmd_port.value_or(facts.config.epmd_port);
    facts.epmd.dist_port = host::dist_port_of(*beam, facts.config);
    if (!facts.address) {
      facts.address = *facts.beam.name->address();
    }
  } else {
    facts.epmd.port = facts.config.epmd_port;
    facts.epmd.dist_port = facts.config.dist_port;
    if (facts.address && !facts.config.node_basename.empty()) {
      facts.beam.name = NodeName::of(facts.config.node_basename, *facts.address);
    }
  }
  if (facts.address) {
    for (const auto* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
      for (const auto port : listening_ports(contents_of(table), *facts.address)) {
        facts.listening.push_back(port);
      }
    }
  }
  collect_cookie(facts, beams);
}

std::optional<Ipv4Address> usable_address(const Facts& facts) {
  const auto is_here = [&](Ipv4Address address) {
    return std::ranges::find(facts.interfaces, address) != facts.interfaces.end();
  };
  if (facts.config.ip && is_here(*facts.config.ip)) {
    return facts.config.ip;
  }
  for (const auto& url : facts.urls) {
    if (url.answers.own_address && is_here(*url.answers.own_address)) {
      return *url.answers.own_address;
    }
  }
  std::vector<Ipv4Address> hosts = facts.interfaces;
  std::erase_if(hosts, [](Ipv4Address address) { return !address.is_host(); });
  return hosts.size() == 1 ? std::optional(hosts.front()) : std::nullopt;
}

Config completed(const Facts& facts) {
  Config config = facts.config;
  config.ip = facts.address;
  config.epmd_port = facts.epmd.port;
  config.dist_port = facts.epmd.dist_port;
  config.cookie_origin = CookieOrigin::setting;
  if (config.node_basename.empty() && facts.beam.name) {
    config.node_basename = facts.beam.name->alive();
  }
  return config;
}

}  // namespace rancher_cnode::cli::doctor
