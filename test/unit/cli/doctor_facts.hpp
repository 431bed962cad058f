// Facts of a healthy container with one peer, for the tests of the checks; each test spoils one thing.
#pragma once

#include <algorithm>
#include <string>

#include "cli/doctor/checks.hpp"

namespace rancher_cnode::cli::doctor::test {

inline const Ipv4Address own_ip(0x0a2a0002);    // 10.42.0.2
inline const Ipv4Address peer_ip(0x0a2a0003);   // 10.42.0.3
inline const Ipv4Address other_ip(0x0a2a0063);  // 10.42.0.99

inline membership::Container container(Ipv4Address address) {
  return {.uuid = address.to_string(),
          .name = "web",
          .primary_ip = address.to_string(),
          .ips = {address.to_string()},
          .state = "running",
          .health_state = {},
          .network_from_container_uuid = {}};
}

/// What the URL returned about the first service.
inline membership::Service& read_of(UrlFacts& url) {
  return std::get<membership::Service>(url.answers.reads.front().read);
}

inline UrlFacts answering(const std::string& url, const std::string& host) {
  UrlFacts facts;
  facts.host = host;
  if (!host.empty()) {
    facts.resolved = std::string("169.254.169.250");
  }
  facts.answers.url = url;
  facts.answers.version = "v1";
  facts.answers.own_address = own_ip;
  facts.answers.service = membership::Service{.name = "web",
                                              .stack_name = "shop",
                                              .uuid = "s",
                                              .primary_service_name = "web",
                                              .containers = {container(own_ip), container(peer_ip)}};
  facts.answers.reads = {{*facts.answers.service, membership::ReadScope::self, "self/service"}};
  facts.answers.long_poll = metadata::LongPoll::held;
  return facts;
}

inline host::Beam running_beam() {
  host::Beam beam;
  beam.pid = 7;
  beam.arguments.name_kind = host::NameKind::long_name;
  beam.arguments.name = "myapp@10.42.0.2";
  beam.arguments.proto_dist = {"inet_tcp"};
  return beam;
}

inline BeamAnswers usual_answers() {
  return {.otp_release = "25", .prevent_overlapping_partitions = "", .net_ticktime = 60};
}

inline tl::expected<void, distribution::ConnectFailure> failed_at(const std::string& stage, ErrorCode code,
                                                                  const std::string& message) {
  return tl::unexpected(distribution::ConnectFailure{stage, {code, message}, 9100});
}

inline Facts healthy() {
  Facts facts;
  facts.config.services = {{"self/service", ""}};
  facts.config.metadata_version = "latest";
  facts.settings = {{"polling-interval", "5000", "default"}};
  facts.interfaces = {Ipv4Address(0x7f000001), own_ip};
  facts.address = own_ip;
  facts.cookie.source = "-setcookie, as the BEAM";
  facts.cookie.beam = CookieFacts::Match::same;
  facts.cookie.beam_source = "-setcookie";
  facts.urls = {answering("http://rancher-metadata", "rancher-metadata"),
                answering("http://169.254.169.250", "")};
  facts.epmd.names = std::vector<std::string>{"myapp"};
  facts.holder.kind = HolderFacts::Kind::nobody;
  facts.beam.selection = {.reason = host::SelectionReason::chosen,
                          .beam = running_beam(),
                          .text = "found myapp@10.42.0.2 (process 7)"};
  facts.beam.running = 1;
  facts.beam.name = NodeName::of("myapp", own_ip);
  facts.beam.connection = tl::expected<void, distribution::ConnectFailure>();
  facts.beam.answers = usual_answers();
  facts.beam.applications = std::vector<std::string>{"kernel", "stdlib"};
  facts.beam.rancher_strategy = false;
  facts.peers = {{.node = NodeName::of("myapp", peer_ip),
                  .connection = tl::expected<void, distribution::ConnectFailure>(),
                  .answers = usual_answers()}};
  return facts;
}

/// "" if it is not a check's name, or not the only one of this outcome.
inline std::string only(const Facts& facts, Outcome outcome) {
  std::string names;
  for (const auto& [check, result] : findings(facts)) {
    if (result.outcome == outcome) {
      names += (names.empty() ? "" : " ") + std::string(check);
    }
  }
  return names;
}

inline Result result_of(const Facts& facts, std::string_view check) {
  const auto all = findings(facts);
  const auto found = std::ranges::find(all, check, &Finding::check);
  return found == all.end() ? Result{Outcome::failure, "no such check", ""} : found->result;
}

}  // namespace rancher_cnode::cli::doctor::test
