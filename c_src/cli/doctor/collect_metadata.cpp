#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <future>
#include <memory>
#include <thread>

#include "cli/doctor/collect.hpp"
#include "rancher_cnode/agent/component_settings.hpp"

namespace rancher_cnode::cli::doctor {
namespace {

/// Of one step of a request; the whole takes up to five of them.
constexpr Milliseconds usual_limit{2'000};
constexpr int steps = 5;

/// "rancher-metadata" of "http://rancher-metadata:80/path"; empty for a file.
std::string host_of(const std::string& url) {
  const auto begin = url.find("://");
  if (begin == std::string::npos || url.starts_with("file:")) {
    return "";
  }
  const std::string rest = url.substr(begin + 3);
  return rest.substr(0, rest.find_first_of(":/"));
}

Expected<std::string> resolved(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    return failure(ErrorCode::unavailable, ::gai_strerror(error));
  }
  const auto* address = reinterpret_cast<const sockaddr_in*>(list->ai_addr);  // NOLINT: the C interface
  std::string text = Ipv4Address(ntohl(address->sin_addr.s_addr)).to_string();
  ::freeaddrinfo(list);
  return text;
}

/// Runs `what` on a thread that nobody waits for: neither a name server nor a file system is waited for
/// longer than the time that the caller has.
template <class Value>
std::shared_future<Value> apart(std::function<Value()> what) {
  auto promise = std::make_shared<std::promise<Value>>();
  auto future = promise->get_future().share();
  std::thread([promise, what = std::move(what)]() { promise->set_value(what()); }).detach();
  return future;
}

}  // namespace

void collect_metadata(Facts& facts, TimePoint deadline) {
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
  const auto limit = std::clamp(left / steps, Milliseconds(1), usual_limit);
  const auto settings = agent::watcher_settings(facts.config);
  std::vector<std::shared_future<Expected<std::string>>> names;
  std::vector<std::shared_future<metadata::UrlAnswers>> answers;
  for (const auto& url : facts.config.metadata_urls) {
    UrlFacts found;
    found.host = host_of(url);
    found.answers.url = url;
    const bool is_name = !found.host.empty() && !Ipv4Address::parse(found.host);
    if (is_name) {
      found.resolved = failure(ErrorCode::timeout, "the name server does not answer");
    }
    names.push_back(is_name ? apart<Expected<std::string>>([host = found.host]() { return resolved(host); })
                            : std::shared_future<Expected<std::string>>());
    answers.push_back(apart<metadata::UrlAnswers>(
        [settings, url, limit]() { return metadata::ask_url(settings, url, limit); }));
    facts.urls.push_back(std::move(found));
  }
  const auto came = [deadline](const auto& future) {
    return future.valid() && future.wait_until(deadline) == std::future_status::ready;
  };
  for (std::size_t i = 0; i < facts.urls.size(); ++i) {
    if (came(answers[i])) {
      facts.urls[i].answers = answers[i].get();
    }
    if (came(names[i])) {
      facts.urls[i].resolved = names[i].get();
    }
  }
}

}  // namespace rancher_cnode::cli::doctor
