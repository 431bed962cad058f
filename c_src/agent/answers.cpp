#include "agent/answers.hpp"

#include <charconv>
#include <utility>

#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {

using distribution::CallResult;
using distribution::ConnectFailure;
using distribution::TermReader;
using distribution::TermType;
using reconciler::DialOutcome;
using reconciler::ProbeOutcome;

namespace {

/// The first release whose global prevents overlapping partitions by default.
constexpr int first_preventing_release = 25;

/// Half of the default net_setuptime, and far more than a refusal takes.
constexpr Milliseconds silence{3'500};

/// STRING_EXT: a tag, a length of two bytes, the characters.
constexpr std::size_t string_head = 3;

/// The number in a string such as "25"; 0 if it is not a number.
int release_number(std::span<const char> term) {
  TermReader reader(term);
  const auto type = reader.peek();
  const auto bytes = reader.skip();
  int number = 0;
  if (type && *type == TermType::string && bytes) {
    const auto text = bytes->subspan(string_head);
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return number;
}

}  // namespace

ProbeOutcome probe_outcome(const Expected<std::uint16_t>& port, ProbeMode probe) {
  if (port) {
    return ProbeOutcome::found;
  }
  switch (port.error().code) {
    case ErrorCode::not_found:
      return probe == ProbeMode::port ? ProbeOutcome::refused : ProbeOutcome::not_registered;
    case ErrorCode::refused:
      return ProbeOutcome::refused;
    case ErrorCode::malformed:
      return ProbeOutcome::no_epmd;
    default:
      return ProbeOutcome::no_answer;
  }
}

DialOutcome dial_outcome(const CallResult& result, Duration took) {
  if (!result) {
    return DialOutcome::no_reply;
  }
  TermReader reader(*result);
  if (reader.accept_atom("true")) {
    return DialOutcome::connected;
  }
  if (reader.accept_atom("ignored")) {
    return DialOutcome::not_alive;
  }
  return took < silence ? DialOutcome::refused : DialOutcome::silent;
}

Expected<std::vector<NodeName>> node_names(std::span<const char> term) {
  TermReader reader(term);
  const auto length = reader.list();
  if (!length) {
    return tl::unexpected(length.error());
  }
  std::vector<NodeName> names;
  for (std::uint32_t i = 0; i < *length; ++i) {
    const auto atom = reader.atom();
    if (!atom) {
      return tl::unexpected(atom.error());
    }
    if (auto name = NodeName::parse(*atom)) {
      names.push_back(std::move(*name));
    }
  }
  return names;
}

Absence absence_of(const ConnectFailure& failed) {
  if (failed.stage == "epmd" || failed.stage == "connect") {
    return Absence::awaited;
  }
  switch (failed.error.code) {
    case ErrorCode::timeout:
      return Absence::unresponsive;
    case ErrorCode::unavailable:
      return Absence::awaited;
    default:
      return Absence::refused;
  }
}

bool is_gone(const ConnectFailure& failed) {
  return failed.error.code == ErrorCode::not_found ||
         (failed.stage == "connect" && failed.error.code == ErrorCode::unavailable);
}

std::string kind_of(const ConnectFailure& failed) {
  if (absence_of(failed) != Absence::awaited) {
    return failed.error.message;
  }
  const auto code = failed.error.code == ErrorCode::unavailable ? ErrorCode::timeout : failed.error.code;
  return failed.stage + " " + std::string(to_string(code));
}

bool prevents_partitions(std::span<const char> setting, std::span<const char> otp_release) {
  TermReader reader(setting);
  if (reader.accept_tuple(2) && reader.accept_atom("ok")) {
    return !reader.accept_atom("false");
  }
  const int release = release_number(otp_release);
  return release == 0 || release >= first_preventing_release;
}

}  // namespace rancher_cnode::agent
