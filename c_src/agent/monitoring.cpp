#include "agent/monitoring.hpp"

#include <utility>

#include "rancher_cnode/status/page.hpp"
#include "rancher_cnode/status/renderings.hpp"
#include "rancher_cnode/status/report.hpp"
#include "rancher_cnode/status/verdict.hpp"

namespace rancher_cnode::agent {

namespace {

constexpr Milliseconds http_listen_retry{1'000};
constexpr unsigned service_unavailable = 503;
constexpr unsigned internal_error = 500;
constexpr const char* plain_text = "text/plain; charset=utf-8";
constexpr std::size_t page_events = 20;

/// The style is part of the document.
http::Route page_route(std::string path, std::function<http::Answer()> answer) {
  return {
      .path = std::move(path),
      .content_type = "text/html; charset=utf-8",
      .answer = std::move(answer),
      .content_security_policy = std::string(http::Route::allows_nothing) + "; style-src 'unsafe-inline'"};
}

http::Answer readiness_answer(const status::Readiness& readiness) {
  http::Answer answer;
  if (readiness.state == status::Readiness::State::unready) {
    answer.status = service_unavailable;
  }
  for (const auto& line : readiness.lines) {
    answer.body += line + "\n";
  }
  return answer;
}

}  // namespace

Monitoring::Monitoring(boost::asio::io_context& loop, Timers& timers, http::ListeningPort& port,
                       status::ReadyDemands ready_demands, Source source, const Log& log)
    : timers_(timers),
      port_(port),
      ready_demands_(ready_demands),
      source_(std::move(source)),
      log_(log),
      server_(loop, timers, routes(), [this](const std::string& failure) { log_accepting(failure); }) {}

void Monitoring::log_accepting(const std::string& failure) const {
  if (failure.empty()) {
    log_.info("http_accept_resumed", "", {{"port", port_.port()}});
  } else {
    log_.warning("http_accept_failed", failure + "; retrying", {{"port", port_.port()}});
  }
}

std::vector<http::Route> Monitoring::routes() {
  const auto of_report = [this](std::function<http::Answer(const status::Report&)> answer) {
    return [this, answer = std::move(answer)]() {
      const auto report = status::report_on(source_.snapshot());
      return report ? answer(*report)
                    : http::Answer{.status = internal_error, .body = report.error().message + "\n"};
    };
  };
  return {
      {.path = "/livez",
       .content_type = plain_text,
       .answer = [] { return http::Answer{.body = "alive\n"}; }},
      {.path = "/readyz", .content_type = plain_text, .answer = of_report([this](const auto& report) {
                                                        return readiness_answer(
                                                            status::readiness(report, ready_demands_));
                                                      })},
      {.path = "/status",
       .content_type = "application/json",
       .answer = of_report([](const auto& report) { return http::Answer{.body = status::as_json(report)}; })},
      {.path = "/metrics",
       .content_type = "text/plain; version=0.0.4; charset=utf-8",
       .answer =
           of_report([](const auto& report) { return http::Answer{.body = status::as_prometheus(report)}; })},
      page_route("/", of_report([this](const auto& report) {
                   return http::Answer{.body = page(report, Reload::regularly)};
                 })),
      page_route(status::still_page, of_report([this](const auto& report) {
                   return http::Answer{.body = page(report, Reload::never)};
                 }))};
}

/// The mesh is the one that the members answered last; this asks them again, for the next time.
std::string Monitoring::page(status::Report report, Reload reload) {
  status::PageContent content{.report = std::move(report), .mesh = mesh_, .events = log_.latest(page_events)};
  if (content.mesh) {
    content.mesh->age += std::chrono::duration_cast<Milliseconds>(timers_.now() - mesh_at_);
  }
  content.refresh = reload == Reload::never ? std::chrono::seconds(0) : status::refresh_after(content.mesh);
  source_.ask_mesh([this](const status::Mesh& mesh) {
    mesh_ = mesh;
    mesh_at_ = timers_.now();
  });
  return status::as_page(content);
}

void Monitoring::start() {
  const bool listened_before = port_.is_listening();
  auto socket = port_.open();
  if (!socket) {
    const std::string& reason = socket.error().message;
    if (std::exchange(logged_failure_, reason) != reason) {
      log_.warning("http_listener_failed", reason + "; retrying", {{"port", port_.port()}});
    }
    retry_ = timers_.call_after(http_listen_retry, [this]() { start(); });
    return;
  }
  const bool failed_before = !std::exchange(logged_failure_, {}).empty();
  if (!listened_before || failed_before) {
    log_.info("http_listener_started", "",
              {{"address", port_.address().to_string()}, {"port", port_.port()}});
  }
  server_.start(*std::move(socket));
}

void Monitoring::stop() {
  retry_.reset();
  server_.stop();
}

}  // namespace rancher_cnode::agent
