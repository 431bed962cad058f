// A metadata client as most cases want it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "metadata/metadata_client.hpp"

namespace rancher_cnode::testing {

inline metadata::MetadataClient client_of(std::vector<std::string> urls,
                                          std::string service = "self/service") {
  return metadata::MetadataClient({.urls = std::move(urls),
                                   .services = {std::move(service)},
                                   .timeouts = {.answer = Milliseconds(2'000)}});
}

}  // namespace rancher_cnode::testing
