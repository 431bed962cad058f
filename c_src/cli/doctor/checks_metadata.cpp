// The checks of the metadata service, and of our own container in it.
#include <algorithm>

#include "cli/doctor/results.hpp"
#include "rancher_cnode/membership/eligibility.hpp"

namespace rancher_cnode::cli::doctor {
namespace {

constexpr std::size_t most_services = 20;
constexpr const char* not_answering = "the metadata does not answer";

/// Rancher's 404, which has several meanings.
bool is_not_found(const UrlFacts& url) {
  return !url.answers.version && url.answers.version.error().code == ErrorCode::not_found;
}

bool answers(const UrlFacts& url) { return url.answers.service || url.answers.version; }

bool is_file(const UrlFacts& url) { return url.answers.url.starts_with("file:"); }

std::string without_url(const Error& error) { return error.message; }

}  // namespace

Result metadata_names(const Facts& facts) {
  std::vector<std::string> found;
  std::vector<std::string> missing;
  for (const auto& url : facts.urls) {
    if (!url.resolved) {
      continue;
    }
    if (*url.resolved) {
      found.push_back(url.host + " is " + **url.resolved);
    } else {
      missing.push_back(url.host + " does not resolve: " + url.resolved->error().message);
    }
  }
  if (missing.empty()) {
    return ok(found.empty() ? "no URL has a name to resolve" : listed(found, found.size()));
  }
  const std::string advice =
      "check /etc/resolv.conf: Rancher's name server is 169.254.169.250; or set --metadata-url to the "
      "address";
  const bool another_answers = facts.answering_url() != nullptr;
  return another_answers ? warning(listed(missing, missing.size()), advice)
                         : failed(listed(missing, missing.size()), advice);
}

Result metadata_answer(const Facts& facts) {
  if (const auto* url = facts.answering_url()) {
    return ok(url->answers.url + (url->answers.version ? " answers, version " + *url->answers.version
                                                       : " answers, without a version"));
  }
  const auto refused = std::ranges::find_if(facts.urls, is_not_found);
  if (refused != facts.urls.end()) {
    return failed(without_url(refused->answers.version.error()),
                  "check --metadata-version and the path in --metadata-url; if they are right, the metadata "
                  "service has loaded nothing yet: wait, then look at its container");
  }
  std::vector<std::string> reasons;
  reasons.reserve(facts.urls.size());
  for (const auto& url : facts.urls) {
    reasons.push_back(without_url(url.answers.version.error()));
  }
  return failed(
      listed(reasons, reasons.size()),
      "check that the container is on Rancher's managed network and that its metadata service runs, or "
      "set --metadata-url");
}

Result metadata_fallback(const Facts& facts) {
  if (facts.urls.size() < 2) {
    return ok("only one URL is set");
  }
  if (facts.answering_url() == nullptr) {
    return skipped(not_answering);
  }
  std::vector<std::string> silent;
  std::vector<std::string> fine;
  for (const auto& url : facts.urls) {
    (answers(url) ? fine : silent)
        .push_back(answers(url) ? url.answers.url : without_url(url.answers.version.error()));
  }
  return silent.empty() ? ok("all URLs answer: " + listed(fine, fine.size()))
                        : warning(listed(silent, silent.size()),
                                  "this URL cannot replace the others when they fail; remove or correct it");
}

Result metadata_address(const Facts& facts) {
  const auto* url = facts.answering_url();
  if (url == nullptr || !facts.address) {
    return skipped(url == nullptr ? not_answering : "the own address is not known");
  }
  const auto& known = url->answers.own_address;
  if (!known && !url->answers.service) {
    return skipped("the service is not read, see service");
  }
  if (!known) {
    const bool needed = !facts.config.ip && !is_file(*url);
    return needed ? warning(without_url(known.error()),
                            "wait until the container has joined the network; for a container on the host's "
                            "network set --ip")
                  : ok("not asked for: --ip or a file is used");
  }
  if (*known != *facts.address) {
    return failed("the metadata knows this container as " + known->to_string() + ", but " +
                      facts.address->to_string() + " is used",
                  "leave --ip and $CONTAINER_IP out, or set " + known->to_string() +
                      "; the BEAM's name must end in it as well");
  }
  return ok("the metadata knows this container as " + known->to_string());
}

/// Whether any of the services lists our own container.
bool lists(const UrlFacts& url, Ipv4Address own) {
  return std::ranges::any_of(url.answers.reads, [own](const auto& read) {
    const auto* const service = std::get_if<membership::Service>(&read.read);
    return service != nullptr && membership::judge(*service, HealthPolicy::any).find(own) != nullptr;
  });
}

Result service(const Facts& facts) {
  const auto& services = facts.config.services;
  const std::string path = services.size() == 1
                               ? services.front().path
                               : counted(services.size(), "service") + ", " + services.front().path;
  if (const auto* url = facts.read_url()) {
    const auto& read = *url->answers.service;
    const std::string name = path + " is " + read.stack_name + (read.name.empty() ? "" : "/" + read.name) +
                             ", " + counted(read.containers.size(), "container");
    const bool self = std::ranges::any_of(services, metadata::asks_for_self, &PeerService::path);
    if (facts.address && self && !lists(*url, *facts.address)) {
      return warning(name + ", but " + facts.address->to_string() + " is not among them",
                     "peers are only added until this container is listed; compare the address");
    }
    return ok(name);
  }
  const auto* url = facts.answering_url();
  if (url == nullptr) {
    return skipped(not_answering);
  }
  const auto& existing = url->answers.services;
  return failed(without_url(url->answers.service.error()),
                existing.empty() ? "check --metadata-version " + facts.config.metadata_version +
                                       " and whether this container belongs to a service: none is listed now"
                                 : "set --service to one of: " + listed(existing, most_services));
}

Result long_poll(const Facts& facts) {
  if (facts.config.watch == WatchMode::off) {
    return ok("turned off by --watch; polling every " +
              std::to_string(facts.config.polling_interval.count()) + " ms");
  }
  const auto* url = facts.answering_url();
  if (url == nullptr || !url->answers.version) {
    return skipped(url == nullptr ? not_answering : "the metadata has no version");
  }
  if (is_file(*url)) {
    return ok("a file is read every " + std::to_string(facts.config.polling_interval.count()) + " ms");
  }
  const std::string polled = "changes are seen at the next poll, after " +
                             std::to_string(facts.config.polling_interval.count()) +
                             " ms; metadata services older than v0.6.2 cannot do better";
  if (!url->answers.long_poll) {
    return warning(without_url(url->answers.long_poll.error()), polled);
  }
  return *url->answers.long_poll == metadata::LongPoll::held
             ? ok("the server waits for a change")
             : warning("the server does not wait for a change", polled);
}

}  // namespace rancher_cnode::cli::doctor
