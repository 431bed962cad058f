// A peer without the cookie, before and inside TLS, towards the real handshake of either direction: it must
// be refused with a reason, in time, whatever it sends.
//
// The first byte says what the peer does. raw: the rest is what it sends instead of TLS. Otherwise it speaks
// TLS, by OpenSSL; the second byte is the number of edits (at most max_edits), three bytes each (offset in
// what it sends, and what that byte is changed by; 0 = the peer sends nothing from there on). What follows is
// sent inside TLS.
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fuzz.hpp"
#include "rancher_cnode/distribution/handshake.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;

namespace {

constexpr std::uint8_t raw = 0x80;
constexpr std::uint8_t outgoing = 0x40;
constexpr std::size_t max_edits = 8;
constexpr std::size_t max_offset = 4096;  // certificate and all
/// A peer that waits for more than comes costs this long.
constexpr Milliseconds limit{50};

struct Edit {
  std::size_t offset;
  char change;
};

struct Script {
  bool is_raw = false;
  bool is_server = false;
  std::vector<Edit> edits;
  std::span<const char> payload;
};

Script script_of(std::span<const char> input) {
  Script script;
  const auto kind = static_cast<std::uint8_t>(input[0]);
  script.is_raw = (kind & raw) != 0;
  script.is_server = (kind & outgoing) != 0;
  input = input.subspan(1);
  if (!script.is_raw && !input.empty()) {
    std::size_t count = static_cast<std::uint8_t>(input[0]) % (max_edits + 1);
    for (input = input.subspan(1); count > 0 && input.size() >= 3; --count) {
      const auto high = static_cast<std::uint8_t>(input[0]);
      const auto low = static_cast<std::uint8_t>(input[1]);
      script.edits.push_back({(std::size_t{high} * 256 + low) % max_offset, input[2]});
      input = input.subspan(3);
    }
  }
  script.payload = input;
  return script;
}

struct Freed {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};

/// Made by test/support/tls/certificates.
class Certificates {
 public:
  Certificates() : folder_((std::filesystem::temp_directory_path() / "rancher_cnode_fuzz.XXXXXX").string()) {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does
    fuzz::require(::mkdtemp(folder_.data()) != nullptr);
    fuzz::require(std::system((RANCHER_CNODE_CERTIFICATES " '" + folder_ + "' 127.0.0.1").c_str()) == 0);
  }
  ~Certificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

const Certificates& certificates() {
  static const Certificates made;
  return made;
}

class Peer {
 public:
  Peer(const Script& script, int fd) : script_(script), fd_(fd) {}

  void run() {
    if (script_.is_raw) {
      send(script_.payload);
    } else {
      speak();
    }
    ::shutdown(fd_, SHUT_WR);
    std::array<char, 4096> unread{};
    while (receive(unread) > 0) {
    }
  }

 private:
  void speak() {
    const std::unique_ptr<SSL_CTX, Freed> context(SSL_CTX_new(TLS_method()));
    SSL_CTX_use_certificate_chain_file(context.get(), certificates().file("good.pem").c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), certificates().file("key.pem").c_str(), SSL_FILETYPE_PEM);
    const std::unique_ptr<SSL, Freed> session(SSL_new(context.get()));
    BIO* const from = BIO_new(BIO_s_mem());
    BIO* const to = BIO_new(BIO_s_mem());
    SSL_set_bio(session.get(), from, to);
    script_.is_server ? SSL_set_accept_state(session.get()) : SSL_set_connect_state(session.get());
    std::array<char, 4096> buffer{};
    while (true) {
      const int result = SSL_do_handshake(session.get());
      flush(to);
      if (result == 1) {
        break;
      }
      const auto size = SSL_get_error(session.get(), result) == SSL_ERROR_WANT_READ ? receive(buffer) : 0;
      if (size <= 0) {
        return;
      }
      BIO_write(from, buffer.data(), static_cast<int>(size));
    }
    if (!script_.payload.empty()) {
      SSL_write(session.get(), script_.payload.data(), static_cast<int>(script_.payload.size()));
      flush(to);
    }
  }

  void flush(BIO* from) {
    std::array<char, 4096> buffer{};
    for (int size = 0; (size = BIO_read(from, buffer.data(), static_cast<int>(buffer.size()))) > 0;) {
      const std::span<char> part(buffer.data(), static_cast<std::size_t>(size));
      std::size_t kept = part.size();
      for (const Edit& edit : script_.edits) {
        if (edit.offset < sent_ || edit.offset >= sent_ + part.size()) {
          continue;
        }
        part[edit.offset - sent_] = static_cast<char>(part[edit.offset - sent_] ^ edit.change);
        if (edit.change == 0) {
          kept = std::min(kept, edit.offset - sent_);
        }
      }
      sent_ += part.size();
      send(part.first(kept));
    }
  }

  void send(std::span<const char> bytes) const {
    static_cast<void>(!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }

  [[nodiscard]] ssize_t receive(std::span<char> buffer) const {
    pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&readable, 1, static_cast<int>(2 * limit.count())) == 1
               ? ::recv(fd_, buffer.data(), buffer.size(), 0)
               : 0;
  }

  const Script& script_;
  int fd_;
  std::size_t sent_ = 0;
};

Identity identity() {
  TlsSettings tls;
  tls.cert_file = certificates().file("good.pem");
  tls.key_file = certificates().file("key.pem");
  tls.ca_file = certificates().file("ca.pem");
  return {*NodeName::parse("cnode@127.0.0.1"), Cookie("never sent"), 4711, tls};
}

/// With a backlog, so that the connection is there before it is accepted.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    fuzz::require(::bind(socket_.get(), any, size) == 0 && ::listen(socket_.get(), 1) == 0 &&
                  ::getsockname(socket_.get(), any, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] FileDescriptor accept() const {
    return FileDescriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  FileDescriptor socket_;
  std::uint16_t port_ = 0;
};

HandshakeResult made(const Identity& self, const Script& script, const HandshakeStop& stop) {
  static const Listener listener;
  std::thread peer([&script] {
    const FileDescriptor connection = listener.accept();
    Peer(script, connection.get()).run();
  });
  auto result = connect_handshake(self, *NodeName::parse("peer@127.0.0.1"), *Ipv4Address::parse("127.0.0.1"),
                                  listener.port(), Clock::now() + limit, stop);
  peer.join();
  return result;
}

HandshakeResult taken(const Identity& self, const Script& script, const HandshakeStop& stop) {
  std::array<int, 2> ends{};
  fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const FileDescriptor theirs(ends[0]);
  std::thread peer([&] { Peer(script, theirs.get()).run(); });
  auto result = accept_handshake(self, FileDescriptor(ends[1]), Clock::now() + limit, stop);
  peer.join();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  static const HandshakeStop stop;
  static const Identity self = [] {
    initialise_handshakes();
    return identity();
  }();
  const Script script = script_of(fuzz::bytes(data, size));
  const auto result = script.is_server ? made(self, script, stop) : taken(self, script, stop);
  fuzz::require(!result && !result.error().error.message.empty());
  return 0;
}
