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
#include "cli/commands/failure.hpp"
#include "cli/commands/timeout.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::cli {
namespace {

constexpr int incomplete_status = 3;

/// How much longer a call may last than its command, which reports in its own words that no answer came in
/// time.
constexpr Milliseconds call_margin{1'000};

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

/// The report, or its error printed.
std::optional<status::Report> asked(const Config& config, Milliseconds timeout) {
  // One line is the answer; anything that the log could add would be in the way.
  const Log log(LogLevel::error, config.log_format);
  auto report = container_report(config, timeout, log);
  if (!report) {
    print_failure(config, report.error().message);
    return std::nullopt;
  }
  return *std::move(report);
}

}  // namespace

std::string rendered(const status::Report& report, std::string_view format, const status::TableStyle& style) {
  return format == "json"         ? status::as_json(report)
         : format == "prometheus" ? status::as_prometheus(report)
         : format == "erlang"     ? status::as_erlang(report)
                                  : status::as_table(report, style);
}

Expected<Answer> container_answer(const Config& config, const distribution::TermBytes& request,
                                  Milliseconds timeout, const Log& log) {
  const auto deadline = Clock::now() + limit_of(timeout);
  const auto own = address_of_cnode(config, timeout, log);
  if (!own) {
    return tl::unexpected<Error>(own.error());
  }
  distribution::initialise_handshakes();
  const auto left =
      std::max(std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()), Milliseconds(1));
  CnodeClient client(config, *own, log);
  std::optional<distribution::CallResult> reply;
  client.ask(request, left + call_margin, [&](distribution::CallResult result) {
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
  if (!*reply) {
    return tl::unexpected<Error>(reply->error().within(cnode));
  }
  return Answer{cnode, **std::move(reply)};
}

Expected<status::Report> container_report(const Config& config, Milliseconds timeout, const Log& log) {
  const auto answer =
      container_answer(config, distribution::TermWriter().atom("status").take(), timeout, log);
  if (!answer) {
    return tl::unexpected<Error>(answer.error());
  }
  auto report = status::Report::read(answer->term);
  return report ? std::move(report) : tl::unexpected<Error>(report.error().within(answer->cnode));
}

status::TableStyle table_style(int descriptor, const config::Environment& environment) {
  status::TableStyle style;
  style.width = columns_of(descriptor, environment).value_or(style.width);
  const bool plain = environment.get("NO_COLOR") || environment.get("TERM") == "dumb";
  style.colour = ::isatty(descriptor) == 1 && !plain ? status::Colour::on : status::Colour::off;
  return style;
}

int print_status(const Config& config, Milliseconds timeout, std::string_view format,
                 const config::Environment& environment) {
  const auto report = asked(config, timeout);
  if (!report) {
    return 1;
  }
  std::cout << rendered(*report, format, table_style(STDOUT_FILENO, environment)) << std::flush;
  return status_of(status::verdict_on(*report));
}

std::string check_json(const status::CheckResult& result) {
  const bool passed = result.outcome == status::CheckResult::Outcome::passed;
  return std::string(R"({"outcome":")") + (passed ? "passed" : "failed") + R"(","text":")" +
         printable(result.line) + "\"}";
}

int print_check(const Config& config, Milliseconds timeout, const status::Demands& demands,
                std::string_view format) {
  const auto report = asked(config, timeout);
  if (!report) {
    return 1;
  }
  const auto result = status::check(*report, demands);
  const bool passed = result.outcome == status::CheckResult::Outcome::passed;
  std::cout << (format == "json" ? check_json(result) : result.line) << '\n' << std::flush;
  return passed ? 0 : 1;
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
