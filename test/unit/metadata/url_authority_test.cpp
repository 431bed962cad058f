#include "metadata/url_authority.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using membership::Authority;
using metadata::UrlAuthority;

namespace {

constexpr std::chrono::seconds confirmation(60);

TimePoint at(int seconds) { return TimePoint{} + std::chrono::seconds(seconds); }

}  // namespace

TEST_CASE("the first URL is trusted at once") {
  UrlAuthority urls(confirmation);
  CHECK(urls.read_succeeded(at(0), 0) == Authority::full);
}

TEST_CASE("a later URL may only add peers until it was read for the confirmation time") {
  UrlAuthority urls(confirmation);
  CHECK(urls.read_succeeded(at(0), 0) == Authority::full);
  CHECK(urls.read_succeeded(at(10), 1) == Authority::may_only_add);
  CHECK(urls.read_succeeded(at(69), 1) == Authority::may_only_add);
  CHECK(urls.read_succeeded(at(70), 1) == Authority::full);
  CHECK(urls.read_succeeded(at(71), 1) == Authority::full);
}

TEST_CASE("a failed read and another URL restart the confirmation") {
  UrlAuthority urls(confirmation);
  CHECK(urls.read_succeeded(at(0), 1) == Authority::may_only_add);
  urls.read_failed();
  CHECK(urls.read_succeeded(at(60), 1) == Authority::may_only_add);
  CHECK(urls.read_succeeded(at(119), 2) == Authority::may_only_add);
  CHECK(urls.read_succeeded(at(120), 1) == Authority::may_only_add);
  CHECK(urls.read_succeeded(at(180), 1) == Authority::full);
}

TEST_CASE("an earlier URL that is back is trusted at once, and the later one no longer") {
  UrlAuthority urls(confirmation);
  CHECK(urls.read_succeeded(at(0), 1) == Authority::may_only_add);
  CHECK(urls.read_succeeded(at(60), 1) == Authority::full);
  CHECK(urls.read_succeeded(at(61), 0) == Authority::full);
  CHECK(urls.read_succeeded(at(62), 1) == Authority::may_only_add);
}

TEST_CASE("a URL before an unconfirmed one is not an earlier one") {
  UrlAuthority urls(confirmation);
  CHECK(urls.read_succeeded(at(0), 2) == Authority::may_only_add);
  CHECK(urls.read_succeeded(at(1), 1) == Authority::may_only_add);
}

TEST_CASE("without a confirmation time each URL is trusted at once") {
  UrlAuthority urls(Milliseconds(0));
  CHECK(urls.read_succeeded(at(0), 3) == Authority::full);
}
