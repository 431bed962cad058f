// A body that arrives in pieces of a given size, and then ends well or with an error.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "metadata/byte_source.hpp"

namespace rancher_cnode::testing {

class Pieces final : public metadata::ByteSource {
 public:
  Pieces(std::string_view text, std::size_t piece) : rest_(text), piece_(piece) {}
  Pieces(std::string_view text, std::size_t piece, Error end)
      : rest_(text), piece_(piece), end_(std::move(end)) {}

  Expected<std::string_view> next() override {
    if (rest_.empty() && end_) {
      return tl::unexpected<Error>(*end_);
    }
    // A copy of just these bytes, so that a sanitizer sees any read beyond them.
    current_.assign(rest_.substr(0, piece_));
    current_.shrink_to_fit();
    rest_.remove_prefix(current_.size());
    return std::string_view(current_);
  }

 private:
  std::string_view rest_;
  std::size_t piece_;
  std::optional<Error> end_;
  std::string current_;
};

}  // namespace rancher_cnode::testing
