#include "distribution/epmd/epmd_protocol.hpp"

#include <algorithm>
#include <iterator>

#include "distribution/big_endian.hpp"

namespace rancher_cnode::distribution::epmd {
namespace {

constexpr char alive2_req = 120;
constexpr char alive2_x_resp = 118;
constexpr char alive2_resp = 121;
constexpr char port_please2_req = 122;
constexpr char port2_resp = 119;
constexpr char names_req = 110;
constexpr std::size_t names_response_head_length = 4;

constexpr char hidden_node = 72;
constexpr char protocol_tcp_ipv4 = 0;
constexpr std::uint16_t highest_version = 6;
constexpr std::uint16_t lowest_version = 5;

void append16(std::vector<char>& bytes, std::size_t value) { append_big_endian(bytes, 2, value); }

/// A request: its length, then its bytes.
std::vector<char> framed(const std::vector<char>& body) {
  std::vector<char> request;
  append16(request, body.size());
  // Not by insert(): with a stack protector GCC 12 sees a write past the end there.
  std::ranges::copy(body, std::back_inserter(request));
  return request;
}

}  // namespace

std::vector<char> port_please(std::string_view alive) {
  std::vector<char> body{port_please2_req};
  body.insert(body.end(), alive.begin(), alive.end());
  return framed(body);
}

std::vector<char> names_request() { return framed({names_req}); }

std::vector<std::string> names_in(std::string_view response) {
  constexpr std::string_view before = "name ";
  constexpr std::string_view after = " at port ";
  std::vector<std::string> names;
  response.remove_prefix(std::min(response.size(), names_response_head_length));
  while (!response.empty()) {
    const auto line = response.substr(0, response.find('\n'));
    response.remove_prefix(std::min(response.size(), line.size() + 1));
    const auto end = line.rfind(after);
    if (line.starts_with(before) && end != std::string_view::npos) {
      names.emplace_back(line.substr(before.size(), end - before.size()));
    }
  }
  return names;
}

bool is_port_response(std::span<const char> response) { return response[0] == port2_resp; }

bool is_found(std::span<const char> response) { return response[1] == 0; }

std::uint16_t found_port(std::span<const char> response) {
  return static_cast<std::uint16_t>(big_endian(response.subspan(2, 2)));
}

std::vector<char> alive_request(std::string_view alive, std::uint16_t listen_port) {
  std::vector<char> body{alive2_req};
  append16(body, listen_port);
  body.push_back(hidden_node);
  body.push_back(protocol_tcp_ipv4);
  append16(body, highest_version);
  append16(body, lowest_version);
  append16(body, alive.size());
  body.insert(body.end(), alive.begin(), alive.end());
  append16(body, 0);  // no extra
  return framed(body);
}

bool is_alive_response(std::span<const char> response) {
  return response[0] == alive2_resp || response[0] == alive2_x_resp;
}

bool is_accepted(std::span<const char> response) { return response[1] == 0; }

std::size_t creation_length(std::span<const char> response) { return response[0] == alive2_x_resp ? 4 : 2; }

}  // namespace rancher_cnode::distribution::epmd
