#include "init/prepared_text.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <string>
#include <string_view>

namespace rancher_cnode::init {
namespace {

constexpr char with_cnode = '1';
constexpr char without_cnode = '0';

}  // namespace

// One digit, then each variable with a NUL at its end. Pipes take PIPE_BUF bytes at once, an environment of
// ours is shorter.
bool write_prepared(int descriptor, const Prepared& prepared) {
  std::string text(1, prepared.needs_cnode ? with_cnode : without_cnode);
  for (const std::string& variable : prepared.variables) {
    text += variable;
    text += '\0';
  }
  return text.size() <= PIPE_BUF && ::write(descriptor, text.data(), text.size()) == ssize_t(text.size());
}

Prepared read_prepared(int descriptor) {
  std::array<char, PIPE_BUF> buffer{};
  const ssize_t length = ::read(descriptor, buffer.data(), buffer.size());
  std::string_view text(buffer.data(), length > 0 ? std::size_t(length) : 0);
  Prepared prepared{.variables = {}, .needs_cnode = text.starts_with(with_cnode)};
  text.remove_prefix(text.empty() ? 0 : 1);
  for (std::size_t end = 0; (end = text.find('\0')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    prepared.variables.emplace_back(text.substr(0, end));
  }
  return prepared;
}

}  // namespace rancher_cnode::init
