#include "rancher_cnode/metadata/single_read.hpp"

#include <rapidjson/document.h>

#include <algorithm>

#include "metadata/file_source.hpp"
#include "metadata/http_client.hpp"
#include "metadata/metadata_client.hpp"
#include "rancher_cnode/config/rules.hpp"

namespace rancher_cnode::metadata {
namespace {

constexpr std::size_t max_stacks_bytes = std::size_t{16} << 20U;

/// Longer than an answer at once takes (Pace::early_answer).
constexpr Milliseconds long_poll_watch{700};
/// The waiter stays on the server for this long.
constexpr Milliseconds long_poll_wait{1'000};

Timeouts timeouts_of(Milliseconds limit) {
  const Timeouts usual;
  return {.lookup = std::min(usual.lookup, limit),
          .connect = std::min(usual.connect, limit),
          .answer = std::min(usual.answer, limit)};
}

ClientSettings client_settings(const WatcherSettings& settings, std::vector<std::string> urls,
                               Milliseconds limit) {
  return {.urls = std::move(urls),
          .version = settings.version,
          .services = settings.services,
          .label_keys = settings.label_keys,
          .trusted = settings.trusted,
          .timeouts = timeouts_of(limit),
          .last_lookup = limit};
}

/// Nothing listens there, or nothing that answers requests.
bool no_answer(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout ||
         error.code == ErrorCode::bad_setting;
}

Expected<LongPoll> long_poll_of(MetadataClient& client, const std::string& version) {
  const auto began = Clock::now();
  const auto answer = client.wait_for_change(version, long_poll_wait, long_poll_watch, {});
  if (!answer && answer.error().code != ErrorCode::timeout) {
    return tl::unexpected<Error>(answer.error());
  }
  // Another version may come at any time.
  const bool early = answer && *answer == version && Clock::now() - began < Pace().early_answer;
  return early ? LongPoll::immediate : LongPoll::held;
}

std::vector<std::string> services_at(const WatcherSettings& settings, const std::string& url,
                                     Milliseconds limit) {
  const std::string at = url + "/" + settings.version + "/stacks";
  Expected<std::string> body = failure(ErrorCode::failed, "");
  if (is_file_url(url)) {
    FileSource file(at, max_stacks_bytes);
    body = read_all(file, max_stacks_bytes);
  } else {
    HttpClient http(settings.trusted);
    auto answer = http.get({at, timeouts_of(limit), max_stacks_bytes});
    if (answer && answer->status() == 200) {
      body = read_all(*answer, max_stacks_bytes);
    }
  }
  return body ? service_paths_in(*body) : std::vector<std::string>();
}

std::string text_at(const rapidjson::Value& object, const char* key) {
  const auto found = object.FindMember(key);
  return found != object.MemberEnd() && found->value.IsString() ? found->value.GetString() : "";
}

}  // namespace

std::vector<std::string> service_paths_in(std::string_view stacks) {
  std::vector<std::string> paths;
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(stacks.data(), stacks.size());
  if (document.HasParseError() || !document.IsArray()) {
    return paths;
  }
  for (const auto& stack : document.GetArray()) {
    const auto services =
        stack.IsObject() ? stack.FindMember("services") : rapidjson::Value::ConstMemberIterator();
    if (!stack.IsObject() || services == stack.MemberEnd() || !services->value.IsArray()) {
      continue;
    }
    for (const auto& service : services->value.GetArray()) {
      if (service.IsObject()) {
        paths.push_back("stacks/" + text_at(stack, "name") + "/services/" + text_at(service, "name"));
      }
    }
  }
  // Others could not be set.
  std::erase_if(paths, [](const std::string& path) { return !config::is_relative_path(path); });
  std::ranges::sort(paths);
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

UrlAnswers ask_url(const WatcherSettings& settings, const std::string& url, Milliseconds limit) {
  UrlAnswers answers;
  answers.url = url;
  MetadataClient client(client_settings(settings, {url}, limit));
  for (std::size_t i = 0; i < settings.services.size(); ++i) {
    auto service = client.service(i);
    if (i == 0 || (answers.service && !service)) {
      answers.service = service;
    }
    if (!service && no_answer(service.error())) {
      answers.version = tl::unexpected<Error>(service.error());
      answers.own_address = tl::unexpected<Error>(service.error());
      answers.long_poll = tl::unexpected<Error>(service.error());
      return answers;
    }
    answers.reads.push_back(as_read(settings.services[i], std::move(service)));
  }
  answers.version = client.version();
  answers.own_address = client.own_address();
  if (!answers.service) {
    answers.services = services_at(settings, url, limit);
  }
  if (settings.watch == WatchMode::on && answers.version && !is_file_url(url)) {
    answers.long_poll = long_poll_of(client, *answers.version);
  }
  return answers;
}

Observation read_once(const WatcherSettings& settings, Milliseconds limit) {
  MetadataClient client(client_settings(settings, settings.urls, limit));
  Observation observation;
  for (std::size_t i = 0; i < settings.services.size(); ++i) {
    observation.reads.push_back(as_read(settings.services[i], client.service(i)));
  }
  if (observation.has_service()) {
    observation.url = client.url();
    observation.version = client.version().value_or("");
    // As with the watcher, whose first read from a later URL may only add.
    observation.authority = client.url() == settings.urls.front() ? membership::Authority::full
                                                                  : membership::Authority::may_only_add;
  }
  return observation;
}

}  // namespace rancher_cnode::metadata
