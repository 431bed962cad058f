// The release that a command starts, by its folder. Used by the command exec.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/config/environment.hpp"

namespace rancher_cnode::cli {

/// A release of Mix. Its scripts take the node's name from $RELEASE_DISTRIBUTION and $RELEASE_NODE.
struct MixRelease {
  std::filesystem::path root;
  std::string name;
};

/// Looks for the folder that has releases/ beside bin/ (or beside the script): first by the words of the
/// command, also those in one for `sh -c`, then by the words in a script that it names, then in the working
/// folder. Reads files and changes nothing. Nothing if there is none, or none of Mix. $PATH is used as a
/// shell does, and $RELEASE_VSN as the release does.
[[nodiscard]] std::optional<MixRelease> find_mix_release(const std::vector<std::string>& command,
                                                         const std::filesystem::path& working_folder,
                                                         const config::Environment& environment);

}  // namespace rancher_cnode::cli
