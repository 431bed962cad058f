#include "distribution/node/observers.hpp"

namespace rancher_cnode::distribution {

void Observers::add(const control::Monitor& monitor) {
  if (size() < max_remembered) {
    monitors_.insert_or_assign(monitor.reference, Watch{monitor.from, monitor.to});
  }
}

void Observers::add(const control::Link& link) {
  if (size() < max_remembered) {
    links_.emplace(link.from, link.to);
  }
}

void Observers::remove(const control::Demonitor& demonitor) { monitors_.erase(demonitor.reference); }

void Observers::remove(const control::Unlink& unlink) { links_.erase({unlink.from, unlink.to}); }

void Observers::remove(const control::Exit& exit) { links_.erase({exit.from, exit.to}); }

std::vector<char> Observers::exit_signals(std::string_view reason) const {
  std::vector<char> frames;
  const auto append = [&frames](const std::vector<char>& frame) {
    frames.insert(frames.end(), frame.begin(), frame.end());
  };
  for (const auto& [reference, watch] : monitors_) {
    append(encode_monitor_exit(watch.watched, watch.watcher, reference, reason));
  }
  for (const auto& [theirs, ours] : links_) {
    append(encode_exit(ours, theirs, reason));
  }
  return frames;
}

}  // namespace rancher_cnode::distribution
