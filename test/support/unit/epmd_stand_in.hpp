// A tiny epmd on 127.0.0.1 at a free port, with configurable behaviour.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rancher_cnode::distribution::test {

class EpmdStandIn {
 public:
  enum class Manner { proper, silent, garbage, hangs_up, half, accepts_and_closes };

  explicit EpmdStandIn(boost::asio::io_context& loop, std::uint16_t port = 0);
  ~EpmdStandIn() { down(); }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// As if it were killed: no listener, every connection closed, every name forgotten.
  void down();
  /// Back at the same port.
  void up();

  Manner manner = Manner::proper;
  bool old_answers = false;  ///< ALIVE2_RESP with a creation of 2 bytes, as before OTP 23
  std::map<std::string, std::uint16_t>
      names;  ///< of those who hold a registration, and of any that a test adds
  int registrations_refused = 0;
  std::vector<std::string> requests;  ///< each without its length

 private:
  struct Client {
    explicit Client(boost::asio::ip::tcp::socket s) : socket(std::move(s)) {}
    boost::asio::ip::tcp::socket socket;
    std::array<char, 512> bytes{};
    std::string request;
    std::string name;  ///< held as long as the socket is open
  };

  void accept();
  void read(const std::shared_ptr<Client>& client);
  void leave(const std::shared_ptr<Client>& client);
  [[nodiscard]] std::string answer(Client& client);

  boost::asio::io_context& loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_;
  std::list<std::shared_ptr<Client>> clients_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rancher_cnode::distribution::test
