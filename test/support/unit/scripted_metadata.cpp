#include "support/unit/scripted_metadata.hpp"

#include <algorithm>
#include <chrono>

namespace rancher_cnode::testing {
namespace {

constexpr std::string_view prefix = "/latest/";

std::string version_text(int reloads) {
  return "00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + reloads);
}

std::string_view parameter(std::string_view query, std::string_view name) {
  const std::size_t at = query.find(name);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = query.substr(at + name.size());
  return rest.substr(0, rest.find('&'));
}

std::string_view path_of(std::string_view target) {
  if (!target.starts_with(prefix)) {
    return {};
  }
  return target.substr(prefix.size(), target.find('?') - prefix.size());
}

}  // namespace

ScriptedMetadata::ScriptedMetadata()
    : server_([this](const ScriptedServer::Request& request, ScriptedServer::Peer& peer) {
        answer(request, peer);
      }) {}

ScriptedMetadata::Ender::~Ender() {
  {
    const std::scoped_lock lock(metadata.mutex_);
    metadata.ending_ = true;
  }
  metadata.changed_.notify_all();
}

void ScriptedMetadata::put(const std::string& path, std::string body) {
  const std::scoped_lock lock(mutex_);
  bodies_[path] = std::move(body);
}

void ScriptedMetadata::remove(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  bodies_.erase(path);
}

std::string ScriptedMetadata::reload() {
  const std::scoped_lock lock(mutex_);
  changed_.notify_all();
  return version_text(++reloads_);
}

std::string ScriptedMetadata::reload_with(const std::string& path, std::string body) {
  const std::scoped_lock lock(mutex_);
  bodies_[path] = std::move(body);
  changed_.notify_all();
  return version_text(++reloads_);
}

void ScriptedMetadata::set_waits(Waits waits) {
  const std::scoped_lock lock(mutex_);
  waits_ = waits;
}

void ScriptedMetadata::set_down(bool down) {
  const std::scoped_lock lock(mutex_);
  down_ = down;
  changed_.notify_all();
}

bool ScriptedMetadata::await_waits(std::size_t count) {
  for (;;) {
    const std::size_t requests = server_.targets().size();
    if (waits() >= count) {
      return true;
    }
    if (!server_.await_requests(requests + 1)) {
      return false;
    }
  }
}

std::size_t ScriptedMetadata::count(std::string_view path) const {
  const auto targets = server_.targets();
  return static_cast<std::size_t>(std::count_if(
      targets.begin(), targets.end(), [&](const std::string& target) { return path_of(target) == path; }));
}

std::size_t ScriptedMetadata::waits() const {
  const auto targets = server_.targets();
  return static_cast<std::size_t>(
      std::count_if(targets.begin(), targets.end(),
                    [](const std::string& target) { return target.find("wait=true") != std::string::npos; }));
}

void ScriptedMetadata::answer(const ScriptedServer::Request& request, ScriptedServer::Peer& peer) {
  const std::string_view target = request.target;
  const std::string path(path_of(target));
  if (target.find("wait=true") != std::string_view::npos &&
      !wait(parameter(target, "value="), parameter(target, "maxWait="), peer)) {
    return peer.close();
  }
  std::string body;
  {
    const std::scoped_lock lock(mutex_);
    if (down_) {
      return peer.close();
    }
    if (path == "version" && !bodies_.contains(path)) {
      body = '"' + version_text(reloads_) + '"';
    } else if (const auto found = bodies_.find(path); found != bodies_.end()) {
      body = found->second;
    }
  }
  if (body.empty()) {
    peer.answer(404, R"({"code":404,"message":"Not found","type":"error"})");
  } else {
    peer.answer(200, body);
  }
}

// False if there is to be no answer.
bool ScriptedMetadata::wait(std::string_view value, std::string_view max_wait, ScriptedServer::Peer& peer) {
  std::unique_lock lock(mutex_);
  if (waits_ == Waits::storm) {
    ++reloads_;
  }
  if (waits_ == Waits::storm || waits_ == Waits::not_at_all) {
    return true;
  }
  if (waits_ == Waits::for_ever) {
    lock.unlock();
    peer.hold();
    return false;
  }
  const std::chrono::seconds longest(std::stoi(std::string(max_wait)));
  changed_.wait_for(lock, longest, [&] { return ending_ || down_ || version_text(reloads_) != value; });
  return !ending_ && !down_;
}

std::string service_body(std::string_view name, std::initializer_list<int> hosts) {
  std::string containers;
  for (const int host : hosts) {
    const std::string number = std::to_string(host);
    if (!containers.empty()) {
      containers += ',';
    }
    containers +=
        R"({"uuid":"c)" + number + R"(","primary_ip":"10.42.0.)" + number + R"(","state":"running"})";
  }
  return R"({"containers":[)" + containers + R"(],"name":")" + std::string(name) +
         R"(","stack_name":"shop","uuid":"uuid-of-)" + std::string(name) + R"("})";
}

}  // namespace rancher_cnode::testing
