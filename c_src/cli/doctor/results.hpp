// How a check makes its result. Used by the files of the checks.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "cli/doctor/checks.hpp"

namespace rancher_cnode::cli::doctor {

inline Result ok(std::string text) { return {Outcome::ok, std::move(text), ""}; }
inline Result skipped(std::string why) { return {Outcome::skipped, std::move(why), ""}; }
inline Result warning(std::string text, std::string advice) {
  return {Outcome::warning, std::move(text), std::move(advice)};
}
inline Result failed(std::string text, std::string advice) {
  return {Outcome::failure, std::move(text), std::move(advice)};
}

/// "a, b, c and 4 more"
inline std::string listed(const std::vector<std::string>& all, std::size_t most = 3) {
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), most); ++i) {
    text += (i == 0 ? "" : ", ") + all[i];
  }
  return all.size() > most ? text + " and " + std::to_string(all.size() - most) + " more" : text;
}

/// "1 peer", "2 peers"
inline std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace rancher_cnode::cli::doctor
