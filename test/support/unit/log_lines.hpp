// A log that keeps its lines.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode {

class LogLines : public Log::Sink {
 public:
  void line(std::string_view text) override { lines_.emplace_back(text); }
  /// Number of lines with the event.
  [[nodiscard]] int count(const std::string& event) const {
    int found = 0;
    for (const auto& line : lines_) {
      found += line.find("event=" + event + " ") != std::string::npos ? 1 : 0;
    }
    return found;
  }
  /// Of the lines of one event, all but time and level, in their order.
  [[nodiscard]] std::vector<std::string> of(const std::string& event) const {
    std::vector<std::string> found;
    for (const auto& line : lines_) {
      if (const auto place = line.find("event=" + event + " "); place != std::string::npos) {
        found.push_back(line.substr(place));
      }
    }
    return found;
  }
  [[nodiscard]] const std::vector<std::string>& all() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

}  // namespace rancher_cnode

/// So that a check on lines shows them when it fails.
template <>
struct doctest::StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) {
      all += "\n  " + text;
    }
    return all.c_str();
  }
};
