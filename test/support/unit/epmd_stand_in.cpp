#include "support/unit/epmd_stand_in.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace rancher_cnode::distribution::test {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

std::size_t number(const std::string& bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8U |
         static_cast<unsigned char>(bytes[at + 1]);
}

std::string two_bytes(std::size_t value) {
  return {static_cast<char>((value >> 8U) & 0xffU), static_cast<char>(value & 0xffU)};
}

}  // namespace

EpmdStandIn::EpmdStandIn(asio::io_context& loop, std::uint16_t port)
    : loop_(loop), acceptor_(loop), port_(port) {
  up();
}

void EpmdStandIn::up() {
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port_);
  acceptor_ = asio::ip::tcp::acceptor(loop_, endpoint, true);
  port_ = acceptor_.local_endpoint().port();
  accept();
}

void EpmdStandIn::down() {
  error_code ignored;
  acceptor_.close(ignored);
  for (const auto& client : clients_) {
    client->socket.close(ignored);
  }
  clients_.clear();
  names.clear();
  *alive_ = false;
  alive_ = std::make_shared<bool>(true);
}

void EpmdStandIn::accept() {
  acceptor_.async_accept([this, alive = alive_](const error_code& error, asio::ip::tcp::socket socket) {
    if (error || !*alive) {
      return;
    }
    auto client = std::make_shared<Client>(std::move(socket));
    clients_.push_back(client);
    read(client);
    accept();
  });
}

void EpmdStandIn::leave(const std::shared_ptr<Client>& client) {
  if (!client->name.empty()) {
    names.erase(client->name);
  }
  error_code ignored;
  client->socket.close(ignored);
  clients_.remove(client);
}

void EpmdStandIn::read(const std::shared_ptr<Client>& client) {
  client->socket.async_read_some(
      asio::buffer(client->bytes), [this, client, alive = alive_](const error_code& error, std::size_t size) {
        if (!*alive) {
          return;
        }
        if (error) {
          leave(client);
          return;
        }
        client->request.append(client->bytes.data(), size);
        if (client->request.size() >= 2 && client->request.size() >= 2 + number(client->request, 0)) {
          const auto reply = answer(*client);
          error_code ignored;
          asio::write(client->socket, asio::buffer(reply), ignored);
          if (manner == Manner::hangs_up || manner == Manner::accepts_and_closes ||
              (manner == Manner::proper && client->name.empty())) {
            leave(client);
            return;
          }
        }
        read(client);
      });
}

std::string EpmdStandIn::answer(Client& client) {
  const std::string request = client.request.substr(2);
  client.request.clear();
  requests.push_back(request);
  if (manner == Manner::silent || manner == Manner::hangs_up) {
    return {};
  }
  if (manner == Manner::garbage) {
    return "HTTP/1.0 400 Bad Request\r\n\r\n";
  }
  if (request[0] == 'n') {
    std::string text("\0\0\x11\x11", 4);
    for (const auto& [name, port] : names) {
      text += "name " + name + " at port " + std::to_string(port) + "\n";
    }
    return text;
  }
  if (request[0] == 'z') {
    const auto found = names.find(request.substr(1));
    if (found == names.end()) {
      return std::string("w\1", 2);
    }
    if (manner == Manner::half) {
      return std::string("w\0", 2);
    }
    return std::string("w\0", 2) + two_bytes(found->second) + std::string("M\0\0\6\0\5\0\0\0\0", 10);
  }
  const std::string alive = request.substr(11, number(request, 9));
  if (names.contains(alive)) {
    ++registrations_refused;
    return std::string("v\1\0\0\0\0", 6);
  }
  if (manner == Manner::half) {
    return std::string("v\0", 2);
  }
  client.name = alive;
  names[alive] = static_cast<std::uint16_t>(number(request, 1));
  return old_answers ? std::string("y\0\0\1", 4) : std::string("v\0\0\0\0\7", 6);
}

}  // namespace rancher_cnode::distribution::test
