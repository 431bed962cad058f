#include "metadata/metadata_client.hpp"

#include <algorithm>
#include <utility>

#include "metadata/file_source.hpp"
#include "metadata/not_found_answer.hpp"
#include "metadata/service_reader.hpp"

namespace rancher_cnode::metadata {
namespace {

using membership::Service;

constexpr std::string_view version_path = "version";
constexpr std::string_view own_address_path = "self/container/primary_ip";
/// A version is a UUID; an address is shorter.
constexpr std::size_t max_text_bytes = 256;
/// A URL that hangs must not delay a working later one for long.
constexpr Milliseconds earlier_url_answer{2'000};

/// A short answer: a JSON string (without escapes), null as an empty text, or the plain text of a server that
/// ignores Accept.
Expected<std::string> read_text(ByteSource& answer) {
  auto body = read_all(answer, max_text_bytes);
  if (!body) {
    return body;
  }
  std::string_view text = *body;
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  if (text == "null") {
    return std::string();
  }
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) {
    text = text.substr(1, text.size() - 2);
  }
  const auto odd = [](char c) {
    return c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '{';
  };
  if (std::any_of(text.begin(), text.end(), odd)) {
    return failure(ErrorCode::malformed, "the answer is not plain text");
  }
  return std::string(text);
}

std::string_view meaning_of_404(std::string_view path) {
  if (path == version_path) {
    return "nothing is loaded yet, or --metadata-url or --metadata-version is wrong";
  }
  if (path.starts_with("self/container")) {
    return "address not known yet, or host-network container";
  }
  if (path.starts_with("self/")) {
    return "not joined yet, standalone or host-network container";
  }
  return "no such service, or not loaded yet";
}

/// Reads the body to its end, so that the connection can be used again.
Error status_error(HttpAnswer& answer, const std::string& full_path, std::string_view path) {
  const int status = answer.status();
  const auto body = read_all(answer, max_text_bytes);
  const std::string text = std::to_string(status) + " at " + full_path;
  if (status == 404 && body && is_not_found_answer(*body)) {
    return {ErrorCode::not_found, text + ": " + std::string(meaning_of_404(path))};
  }
  if (status >= 500) {
    return {ErrorCode::unavailable, text + ": the server failed"};
  }
  if (status >= 300 && status < 400) {
    return {ErrorCode::malformed, text + ": redirects are not followed"};
  }
  return {ErrorCode::malformed, text + ": not an answer of the metadata service"};
}

}  // namespace

bool asks_for_self(std::string_view service_path) {
  return service_path == "self/service" || service_path == "self/stack/services";
}

membership::ServiceRead as_read(std::string_view path, Expected<Service> service) {
  const auto scope = asks_for_self(path) ? membership::ReadScope::self : membership::ReadScope::named;
  if (service) {
    return {*std::move(service), scope, std::string(path)};
  }
  return {membership::FailedRead{std::move(service.error().message)}, scope, std::string(path)};
}

bool asks_for_stack(std::string_view service_path) { return service_path.ends_with("/services"); }

MetadataClient::MetadataClient(ClientSettings settings, GiveUp give_up)
    : settings_(std::move(settings)), give_up_(std::move(give_up)), http_(settings_.trusted) {}

std::string MetadataClient::path_of(std::string_view path) const {
  return "/" + settings_.version + "/" + std::string(path);
}

template <class Value, class Read>
Expected<Value> MetadataClient::ask_at(const std::string& url, std::string_view path,
                                       const Timeouts& timeouts, const Read& read) {
  const auto read_at_path = [&](ByteSource& body) -> Expected<Value> {
    Expected<Value> value = read(body);
    if (value || value.error().code != ErrorCode::malformed) {
      return value;
    }
    return tl::unexpected<Error>(value.error().within(path_of(path)));
  };
  if (is_file_url(url)) {
    FileSource file(url + path_of(path), max_body_bytes);
    return read_at_path(file);
  }
  auto answer = http_.get({url + path_of(path), timeouts, max_body_bytes, give_up_});
  if (!answer) {
    return tl::unexpected<Error>(std::move(answer.error()));
  }
  if (answer->status() != 200) {
    return tl::unexpected<Error>(status_error(*answer, path_of(path), path));
  }
  return read_at_path(*answer);
}

template <class Value, class Read>
Expected<Value> MetadataClient::ask(std::string_view path, const Read& read) {
  std::optional<Error> first;
  for (std::size_t i = 0; i < settings_.urls.size(); ++i) {
    // current_ first, then the others in their order.
    const std::size_t index = i == 0 ? current_ : (i <= current_ ? i - 1 : i);
    const std::string& url = settings_.urls[index];
    Timeouts timeouts = settings_.timeouts;
    if (i + 1 == settings_.urls.size()) {
      timeouts.lookup = std::max(timeouts.lookup, settings_.last_lookup);
    }
    Expected<Value> value = ask_at<Value>(url, path, timeouts, read);
    const bool answered = value || value.error().code == ErrorCode::not_found;
    if (answered) {
      current_ = index;
    }
    if (value) {
      return value;
    }
    Error error = value.error().within(url);
    if (answered || error.code == ErrorCode::cancelled) {
      return tl::unexpected<Error>(std::move(error));
    }
    if (first) {
      first->message += "; " + error.message;
    } else {
      first = std::move(error);
    }
  }
  return tl::unexpected<Error>(std::move(*first));
}

bool MetadataClient::return_to_earlier_url() {
  Timeouts timeouts = settings_.timeouts;
  timeouts.answer = std::min(timeouts.answer, earlier_url_answer);
  for (std::size_t index = 0; index < current_; ++index) {
    const std::string& path = settings_.services.front();
    const auto service = ask_at<Service>(settings_.urls[index], path, timeouts,
                                         [&](ByteSource& answer) { return read(answer, path); });
    if (service || service.error().code == ErrorCode::not_found) {
      current_ = index;
      return true;
    }
    if (service.error().code == ErrorCode::cancelled) {
      return false;
    }
  }
  return false;
}

Expected<Service> MetadataClient::read(ByteSource& body, std::string_view path) const {
  return read_service(body, asks_for_stack(path) ? ServiceBody::list : ServiceBody::one,
                      settings_.label_keys);
}

Expected<Service> MetadataClient::service(std::size_t index) {
  const std::string& path = settings_.services[index];
  auto service = ask<Service>(path, [&](ByteSource& answer) { return read(answer, path); });
  if (service) {
    service_path_ = path;
    remember(path, *service);
    return service;
  }
  const auto remembered = remembered_.find(path);
  if (service.error().code == ErrorCode::not_found && remembered != remembered_.end()) {
    return service_by_name(remembered->second, service.error());
  }
  return service;
}

void MetadataClient::remember(const std::string& path, const Service& service) {
  if (!path.starts_with("self/") || service.stack_name.empty()) {
    return;
  }
  // By its own name also for a sidekick's service, whose containers are the sidekicks: the primary service
  // has others.
  const std::string services = "stacks/" + url_escaped(service.stack_name) + "/services";
  if (asks_for_stack(path)) {
    remembered_[path] = Remembered{services, ""};
  } else if (!service.name.empty()) {
    remembered_[path] = Remembered{services + "/" + url_escaped(service.name), service.uuid};
  }
}

Expected<Service> MetadataClient::service_by_name(const Remembered& remembered, const Error& self_error) {
  auto service =
      ask<Service>(remembered.path, [&](ByteSource& answer) { return read(answer, remembered.path); });
  if (!service) {
    if (service.error().code == ErrorCode::cancelled) {
      return service;
    }
    return failure(self_error.code, self_error.message + "; " + service.error().message);
  }
  if (service->uuid != remembered.uuid) {
    return failure(self_error.code,
                   self_error.message + "; " + path_of(remembered.path) + " is a different service");
  }
  service_path_ = remembered.path;
  return service;
}

Expected<Ipv4Address> MetadataClient::own_address() {
  auto text = ask<std::string>(own_address_path, read_text);
  if (!text) {
    return tl::unexpected<Error>(std::move(text.error()));
  }
  const std::string at = url() + ": " + path_of(own_address_path);
  if (text->empty()) {
    return failure(ErrorCode::not_found, at + ": this container has no address yet");
  }
  auto address = Ipv4Address::parse(*text);
  if (!address) {
    return tl::unexpected<Error>(address.error().within(at));
  }
  if (!address->is_host()) {
    return failure(ErrorCode::malformed, at + ": " + *text + " is not a host address");
  }
  return *address;
}

Expected<std::string> MetadataClient::version() {
  return ask<std::string>(version_path, [](ByteSource& answer) -> Expected<std::string> {
    auto text = read_text(answer);
    if (text && text->empty()) {
      return failure(ErrorCode::malformed, "the version is empty");
    }
    return text;
  });
}

Expected<std::string> MetadataClient::wait_for_change(const std::string& known, Milliseconds max_wait,
                                                      Milliseconds deadline, GiveUp give_up) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(max_wait).count();
  const std::string path = path_of(version_path);
  const auto fail = [&](const Error& error) { return tl::unexpected<Error>(error.within(url())); };
  auto answer = http_.get({url() + path + "?wait=true&value=" + url_escaped(known) +
                               "&maxWait=" + std::to_string(std::max<decltype(seconds)>(seconds, 1)),
                           {settings_.timeouts.lookup, settings_.timeouts.connect, deadline},
                           max_text_bytes,
                           std::move(give_up),
                           Resend::no});
  if (!answer) {
    return fail(answer.error());
  }
  if (answer->status() != 200) {
    return fail(status_error(*answer, path, version_path));
  }
  auto text = read_text(*answer);
  if (!text) {
    return fail(text.error());
  }
  if (text->empty()) {
    return fail({ErrorCode::malformed, path + ": the version is empty"});
  }
  return text;
}

}  // namespace rancher_cnode::metadata
