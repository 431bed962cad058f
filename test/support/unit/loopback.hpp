// Sockets and loops for tests: everything stays on 127.0.0.0/8, and every wait has a bound.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::distribution::test {

inline constexpr Ipv4Address loopback{0x7f000001};
inline constexpr Ipv4Address other_loopback{0x7f000002};
/// Ample for anything on loopback, even under a sanitizer on a busy machine.
inline constexpr Milliseconds patience{20'000};

/// What a busy machine may add to a time that a test measures.
inline constexpr Milliseconds busy_machine{2'000};

/// Runs the loop until it holds, at most `patience`; what it waited for is reported if it does not.
template <class Holds>
void run_until(boost::asio::io_context& loop, const char* what, Holds holds) {
  const auto deadline = Clock::now() + patience;
  while (!holds() && Clock::now() < deadline) {
    loop.restart();
    loop.run_one_for(Milliseconds(10));
  }
  INFO("waited for: ", std::string(what));
  REQUIRE(holds());
}

/// Runs the loop for this long, whatever happens: for what must *not* happen.
inline void run_for(boost::asio::io_context& loop, Milliseconds how_long) {
  const auto end = Clock::now() + how_long;
  while (Clock::now() < end) {
    loop.restart();
    loop.run_for(std::chrono::duration_cast<Milliseconds>(end - Clock::now()) + Milliseconds(1));
  }
}

/// A blocking listener on loopback at a free port.
class RawListener {
 public:
  RawListener();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] FileDescriptor accept() const;

 private:
  FileDescriptor socket_;
  std::uint16_t port_ = 0;
};

/// A port on loopback that a program started by a test may listen at, if it sets SO_REUSEADDR; held, so
/// that no
/// other takes it before.
class ReservedPort {
 public:
  ReservedPort();
  [[nodiscard]] std::uint16_t number() const { return number_; }

 private:
  FileDescriptor socket_;
  std::uint16_t number_ = 0;
};

/// While it exists, no descriptor is left. No doctest macro meanwhile: sanitizers need some to look at an
/// object.
class NoDescriptors {
 public:
  NoDescriptors();
  ~NoDescriptors();
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<FileDescriptor> all_;
};

/// A blocking connection to loopback, from the given loopback address; reads give up after `patience`.
FileDescriptor raw_connect(std::uint16_t port, Ipv4Address from = loopback);

/// Two ends of one TCP connection on loopback.
std::pair<FileDescriptor, FileDescriptor> raw_pair();

/// The same without TCP, for hundreds of them: it takes no port, of which each holds one for a minute after
/// its end.
std::pair<FileDescriptor, FileDescriptor> local_pair();

void raw_send(const FileDescriptor& socket, std::string_view bytes);
inline void raw_send(const FileDescriptor& socket, const std::vector<char>& bytes) {
  raw_send(socket, std::string_view(bytes.data(), bytes.size()));
}
/// Exactly `size` bytes, or fewer if the other side closes.
std::string raw_receive(const FileDescriptor& socket, std::size_t size);
/// True once the other side has closed; what it sent before is dropped.
bool raw_closed(const FileDescriptor& socket);

void make_non_blocking(const FileDescriptor& socket);

}  // namespace rancher_cnode::distribution::test
