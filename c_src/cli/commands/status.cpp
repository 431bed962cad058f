#include "cli/commands/status.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands/cnode_client.hpp"
#include "cli/commands/container_names.hpp"
#include "cli/commands/own_address.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::cli {
namespace {

constexpr int incomplete_status = 3;
constexpr int not_driving_status = 4;

/// Of a request without time limit.
constexpr Milliseconds no_limit{86'400'000};

std::optional<std::size_t> columns_of(int descriptor, const config::Environment& environment) {
  constexpr std::uint64_t most = 10'000;
  if (const auto columns = environment.get("COLUMNS")) {
    if (const auto number = config::number_between(*columns, 1, most)) {
      return *number;
    }
  }
  winsize size{};
  if (::isatty(descriptor) == 1 && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  return std::nullopt;
}

std::string rendered(const status::Report& report, StatusFormat format, const status::TableStyle& style) {
  switch (format) {
    case StatusFormat::table:
      return status::as_table(report, style);
    case StatusFormat::json:
      return status::as_json(report);
    case StatusFormat::prometheus:
      return status::as_prometheus(report);
    case StatusFormat::erlang:
      return status::as_erlang(report);
  }
  return {};
}

/// The report, or its error printed.
std::optional<status::Report> asked(const Config& config, Milliseconds timeout) {
  // One line is the answer; anything that the log could add would be in the way.
  const Log log(LogLevel::error, config.log_format);
  auto report = container_report(config, timeout, log);
  if (!report) {
    std::cerr << report.error().message << '\n';
    return std::nullopt;
  }
  return *std::move(report);
}

}  // namespace

Expected<status::Report> container_report(const Config& config, Milliseconds timeout, const Log& log) {
  const auto began = Clock::now();
  auto own = address_without_metadata(config);
  if (!own) {
    own = own_address(config, timeout, log);
  }
  if (!own) {
    return tl::unexpected<Error>(own.error());
  }
  distribution::initialise_handshakes();
  const auto spent = std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
  const auto left = timeout.count() == 0 ? no_limit : std::max(timeout - spent, Milliseconds(1));
  CnodeClient client(config, *own, log);
  std::optional<distribution::CallResult> reply;
  client.ask(distribution::TermWriter().atom("status").bytes(), left, [&](distribution::CallResult result) {
    reply = std::move(result);
    client.loop().stop();
  });
  if (!reply) {
    client.loop().run_for(left);
  }
  const std::string cnode = client.cnode().str();
  if (!reply) {
    return failure(ErrorCode::timeout,
                   cnode + ": does not answer within " + std::to_string(timeout.count()) + " ms");
  }
  auto report = reply->and_then([](const auto& term) { return status::Report::read(term); });
  return report ? std::move(report) : tl::unexpected<Error>(report.error().within(cnode));
}

status::TableStyle table_style(int descriptor, const config::Environment& environment) {
  status::TableStyle style;
  style.width = columns_of(descriptor, environment).value_or(style.width);
  const bool plain = environment.get("NO_COLOR") || environment.get("TERM") == "dumb";
  style.colour = ::isatty(descriptor) == 1 && !plain ? status::Colour::on : status::Colour::off;
  return style;
}

int print_status(const Config& config, Milliseconds timeout, StatusFormat format,
                 const config::Environment& environment) {
  const auto report = asked(config, timeout);
  if (!report) {
    return 1;
  }
  std::cout << rendered(*report, format, table_style(STDOUT_FILENO, environment)) << std::flush;
  return status_of(status::verdict_on(*report));
}

int print_check(const Config& config, Milliseconds timeout, const status::Demands& demands) {
  const auto report = asked(config, timeout);
  if (!report) {
    return 1;
  }
  const auto result = status::check(*report, demands);
  std::cout << result.line << '\n' << std::flush;
  return result.outcome == status::CheckResult::Outcome::passed ? 0 : 1;
}

int status_of(const status::Verdict& verdict) {
  switch (verdict.kind) {
    case status::Verdict::Kind::whole:
      return 0;
    case status::Verdict::Kind::incomplete:
      return incomplete_status;
    case status::Verdict::Kind::not_driving:
      return not_driving_status;
  }
  return not_driving_status;
}

}  // namespace rancher_cnode::cli
