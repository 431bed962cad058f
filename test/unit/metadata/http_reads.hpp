// Requests of the cases about http_client.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "metadata/http_client.hpp"
#include "support/unit/contains.hpp"

namespace rancher_cnode::testing {

/// The whole body, or the failure wherever it came.
inline Expected<std::string> read(metadata::HttpClient& client, metadata::HttpRequest request) {
  constexpr std::size_t any_size = 64U << 20U;
  auto answer = client.get(std::move(request));
  if (!answer) {
    return tl::unexpected<Error>(answer.error());
  }
  return metadata::read_all(*answer, any_size);
}

inline Milliseconds time_of(const std::function<void()>& what) {
  const TimePoint begin = Clock::now();
  what();
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - begin);
}

}  // namespace rancher_cnode::testing
