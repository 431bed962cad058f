#include "agent/cookie_watch.hpp"

#include "rancher_cnode/config/cookie_file.hpp"

namespace rancher_cnode::agent {
namespace {

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

CookieWatch::CookieWatch(const Config& config, distribution::Connections& cnode, const Log& log)
    : path_(config.cookie_path), cookie_(config.cookie.reveal()), cnode_(cnode), log_(log) {}

void CookieWatch::use(const Cookie& cookie) {
  path_.clear();
  if (cookie.reveal() != cookie_) {
    cookie_ = cookie.reveal();
    cnode_.set_cookie(cookie);
    ++changes_;
  }
}

std::uint64_t CookieWatch::changes() {
  struct stat now {};
  if (path_.empty() || ::stat(path_.c_str(), &now) != 0 || same_file(now, seen_)) {
    return changes_;
  }
  seen_ = now;
  // An invalid cookie may be half written: the next change is read again.
  if (const auto cookie = read_cookie_file(path_); cookie && cookie->reveal() != cookie_) {
    cookie_ = cookie->reveal();
    cnode_.set_cookie(*cookie);
    ++changes_;
    log_.info("cookie_changed", "the new cookie is used for all new connections", {{"file", path_}});
  }
  return changes_;
}

}  // namespace rancher_cnode::agent
