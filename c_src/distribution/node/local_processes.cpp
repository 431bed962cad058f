#include "rancher_cnode/distribution/local_processes.hpp"

#include <utility>

namespace rancher_cnode::distribution {
namespace {

std::optional<Reference> reference_in(std::span<const char> tag) {
  TermReader reader(tag);
  if (reader.list() && !reader.accept_atom("alias")) {
    return std::nullopt;
  }
  auto reference = reader.reference();
  return reference ? std::optional(std::move(*reference)) : std::nullopt;
}

}  // namespace

TermBytes gen_reply(const GenCall& call, std::span<const char> reply) {
  TermWriter writer;
  writer.tuple(2).raw(call.tag).raw(reply);
  return writer.take();
}

void LocalProcesses::add(std::string name, Behaviour behaviour) {
  if (processes_.empty()) {
    first_ = name;
  }
  processes_.insert_or_assign(std::move(name), std::move(behaviour));
}

bool LocalProcesses::knows(const std::string& name) const { return processes_.contains(name); }

bool LocalProcesses::deliver(const std::string& name, std::span<const char> message) {
  const auto found = processes_.find(name);
  if (found == processes_.end()) {
    return false;
  }
  const Behaviour& behaviour = found->second;
  TermReader cast(message);
  if (cast.accept_tuple(2) && cast.accept_atom("$gen_cast")) {
    if (!behaviour.cast) {
      return false;
    }
    behaviour.cast(cast.rest());
    return true;
  }
  TermReader reader(message);
  if (!reader.accept_tuple(3)) {
    return false;
  }
  const bool system = reader.accept_atom("system");
  const auto& answer = system ? behaviour.system : behaviour.call;
  if ((!system && !reader.accept_atom("$gen_call")) || !reader.accept_tuple(2) || !answer) {
    return false;
  }
  auto from = reader.pid();
  if (!from) {
    return false;
  }
  const auto tag = reader.skip();
  if (!tag || tag->size() > max_tag_bytes) {
    return false;
  }
  const auto request = reader.rest();
  answer(GenCall{
      std::move(*from), {tag->begin(), tag->end()}, reference_in(*tag), {request.begin(), request.end()}});
  return true;
}

void LocalProcesses::demonitored(const Pid& watcher, const Reference& reference) const {
  for (const auto& [name, behaviour] : processes_) {
    if (behaviour.caller_gone) {
      behaviour.caller_gone(watcher, reference);
    }
  }
}

}  // namespace rancher_cnode::distribution
