// Colours of a terminal, for the tables. Pure.
#pragma once

#include <string>

#include "rancher_cnode/status/renderings.hpp"

namespace rancher_cnode::status {

class Painter {
 public:
  explicit Painter(Colour colour) : colour_(colour) {}

  [[nodiscard]] std::string good(const std::string& text) const { return painted("32", text); }
  [[nodiscard]] std::string bad(const std::string& text) const { return painted("31", text); }
  [[nodiscard]] std::string pending(const std::string& text) const { return painted("33", text); }

 private:
  [[nodiscard]] std::string painted(const char* code, const std::string& text) const {
    return colour_ == Colour::off ? text : "\x1b[" + std::string(code) + "m" + text + "\x1b[0m";
  }
  Colour colour_;
};

}  // namespace rancher_cnode::status
