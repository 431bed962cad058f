// Files that a user names by a path. Used by everything that reads one.
//
// Only a regular file is opened: the open of a FIFO waits for its writer, and a device or a FIFO may be read
// without end. A file on a network volume that hangs still blocks.
#pragma once

#include <cstddef>
#include <string>

#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode {

/// For reading. Failures: not_found (no such file), failed (not a regular file, no permission, a failing
/// disk). Their messages do not name the file.
[[nodiscard]] Expected<FileDescriptor> open_regular_file(const std::string& path);

/// The next bytes, at most `size`; none at the end. Failures: failed.
[[nodiscard]] Expected<std::size_t> read_some(const FileDescriptor& file, char* buffer, std::size_t size);

/// The first `longest` bytes of a regular file, or all of it. Failures: those of open_regular_file.
[[nodiscard]] Expected<std::string> read_file_start(const std::string& path, std::size_t longest);

/// The whole file. Failures: those of open_regular_file, and too_large if it has more than `longest` bytes.
[[nodiscard]] Expected<std::string> read_file(const std::string& path, std::size_t longest);

/// What a file is called that has more than `longest` bytes.
[[nodiscard]] Error file_too_large(std::size_t longest);

}  // namespace rancher_cnode
