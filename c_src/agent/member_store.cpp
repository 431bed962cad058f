#include "agent/member_store.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace rancher_cnode::agent {

MemberStore::MemberStore(std::string path, membership::Memberships& memberships, Timers& timers,
                         StateFile::UnixTime unix_time, const Log& log,
                         const boost::asio::any_io_executor& loop, Restored restored)
    : memberships_(memberships),
      timers_(timers),
      unix_time_(std::move(unix_time)),
      log_(log),
      restored_(std::move(restored)),
      file_(std::move(path), unix_time_, log, loop, [this](metadata::StoredMembers members) {
        stored_ = std::move(members);
        restore();
        after();
      }) {}

void MemberStore::before(const std::vector<membership::ServiceRead>& reads) {
  for (const auto& one : memberships_.services()) {
    const auto* const read = membership::read_of(one, reads);
    if (read != nullptr && known_.insert(one.service()).second &&
        std::holds_alternative<membership::FailedRead>(read->read)) {
      unread_.insert(one.service());
    }
  }
  restore();
}

/// Once both the file and the first round are known.
void MemberStore::restore() {
  if (!stored_ || unread_.empty()) {
    return;
  }
  std::size_t count = 0;
  std::vector<membership::MembershipFact> facts;
  for (const auto& one : memberships_.services()) {
    const auto* const stored = find(one.settings());
    if (stored != nullptr && unread_.contains(one.service()) && !one.view().last_answer) {
      count += stored->members.size();
      std::ranges::move(memberships_.restore(timers_.now(), one.service(), stored->members).facts,
                        std::back_inserter(facts));
    }
  }
  unread_.clear();
  if (count > 0) {
    log_.info("members_restored",
              "the metadata cannot be read; the members of an earlier run are peers until it can",
              {{"members", count}, {"age_ms", (unix_time_() - stored_->saved_unix).count()}});
    restored_(facts);
  }
}

/// A failed round must not make the members younger than the last answer about them. A service that has not
/// been read keeps what the file has; so nothing is written before the file has been read, which a slow disk
/// may do after the first rounds.
void MemberStore::after() {
  const auto reads = memberships_.view().authoritative_reads;
  if (!stored_ || std::exchange(authoritative_reads_, reads) == reads) {
    return;
  }
  std::vector<metadata::StoredService> services;
  for (const auto& one : memberships_.services()) {
    const auto& settings = one.settings();
    if (one.view().last_authoritative) {
      services.push_back(
          {std::string(membership::path_of(settings.service)), settings.node_basename, one.members()});
    } else if (const auto* const stored = find(settings)) {
      services.push_back(*stored);
    }
  }
  file_.save(std::move(services));
}

/// Null if there is none of this path and basename.
const metadata::StoredService* MemberStore::find(const membership::MembershipSettings& service) const {
  const auto found = std::ranges::find_if(stored_->services, [&service](const auto& stored) {
    return stored.path == membership::path_of(service.service) &&
           stored.node_basename == service.node_basename;
  });
  return found == stored_->services.end() ? nullptr : &*found;
}

}  // namespace rancher_cnode::agent
