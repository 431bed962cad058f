// Metadata from file:// URLs: regular files of any size up to the limit, and nothing that could block.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "metadata/file_source.hpp"
#include "metadata/metadata_client.hpp"

using namespace rancher_cnode;
using metadata::MetadataClient;

namespace {

/// <directory>/latest/self, in which a test makes `service` whatever it likes.
class Files {
 public:
  Files() {
    REQUIRE(::mkdtemp(root_.data()) != nullptr);
    std::filesystem::create_directories(directory());
  }
  ~Files() { std::filesystem::remove_all(root_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  [[nodiscard]] std::string directory() const { return root_ + "/latest/self"; }
  [[nodiscard]] std::string service() const { return directory() + "/service"; }
  void write(const std::string& body) const { std::ofstream(service(), std::ios::binary) << body; }
  [[nodiscard]] Expected<membership::Service> read() const {
    // Beside the blank, which must be, any character may be encoded.
    std::string url = "file://" + root_;
    url.replace(url.find(' '), 1, "%20").replace(url.find('c'), 1, "%63");
    return MetadataClient({.urls = {url}}).service();
  }

 private:
  std::string root_ = std::filesystem::temp_directory_path() / "rancher cnode_XXXXXX";
};

std::string body_of_size(std::size_t size) {
  std::string body = R"({"name":"web","containers":[],"x":")";
  body.append(size - body.size() - 2, 'x');
  return body + "\"}";
}

}  // namespace

TEST_CASE("a path that is not percent-encoded is a bad setting") {
  for (const auto* url : {"file://host/x", "file://x", "file:///x%", "file:///x%2", "file:///x%zz",
                          "file:///x%2z", "file:///x%z2", "file:///x%00"}) {
    CAPTURE(url);
    metadata::FileSource file(url, 100);
    CHECK(file.next().error() == Error{ErrorCode::bad_setting, "not a file:///PATH URL"});
  }
}

TEST_CASE("a file that cannot be read is an error with the reason") {
  // Its first page is never there.
  metadata::FileSource file("file:///proc/self/mem", 100);
  CHECK(file.next().error() == Error{ErrorCode::failed, "the file cannot be read: Input/output error"});
}

TEST_CASE("a file is closed after it was read, and no started program inherits it") {
  const Files files;
  files.write("x");
  std::string url = "file://" + files.service();
  url.replace(url.find(' '), 1, "%20");
  // The flags of the descriptors that are open on it.
  const auto open = [&] {
    std::vector<int> flags;
    for (int fd = 0; fd < 256; ++fd) {
      std::error_code ignored;
      if (std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored) == files.service()) {
        flags.push_back(::fcntl(fd, F_GETFD));
      }
    }
    return flags;
  };
  {
    metadata::FileSource file(url, 100);
    CHECK(file.next().value() == "x");
    CHECK(open() == std::vector<int>{FD_CLOEXEC});
  }
  CHECK(open().empty());
}

TEST_CASE("files of any size up to the limit are read") {
  const Files files;
  for (const std::size_t size :
       {100UL, 16'384UL, 16'385UL, 100'000UL, 1'500'000UL, metadata::max_body_bytes}) {
    CAPTURE(size);
    files.write(body_of_size(size));
    const auto service = files.read();
    REQUIRE_MESSAGE(service.has_value(), (service ? "" : service.error().message));
    CHECK(service->name == "web");
  }
}

TEST_CASE("anything but a regular file within the limit is refused at once") {
  struct Row {
    std::string what;
    void (*make)(const Files&);
    ErrorCode code;
    const char* message;
  };
  const Row rows[] = {
      {"missing", [](const Files&) {}, ErrorCode::not_found, "no such file"},
      {"a directory", [](const Files& f) { std::filesystem::create_directory(f.service()); },
       ErrorCode::failed, "not a regular file"},
      {"a FIFO without a writer", [](const Files& f) { REQUIRE(::mkfifo(f.service().c_str(), 0600) == 0); },
       ErrorCode::failed, "not a regular file"},
      {"a device", [](const Files& f) { std::filesystem::create_symlink("/dev/zero", f.service()); },
       ErrorCode::failed, "not a regular file"},
      {"a file that is no directory on the way",
       [](const Files& f) {
         std::filesystem::remove(f.directory());
         std::ofstream(f.directory()) << "x";
       },
       ErrorCode::not_found, "no such file"},
      {"too large", [](const Files& f) { f.write(body_of_size(metadata::max_body_bytes + 1)); },
       ErrorCode::too_large, "the file is larger than 33554432 bytes"},
      {"odd", [](const Files& f) { f.write("{}"); }, ErrorCode::malformed,
       "/latest/self/service: byte 2: the object has no containers key, so it is not a service"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Files files;
    row.make(files);
    const auto service = files.read();
    REQUIRE_FALSE(service.has_value());
    CHECK(service.error().code == row.code);
    CAPTURE(service.error().message);
    CHECK(service.error().message.ends_with(row.message));
    CHECK(service.error().message.starts_with("file:///"));
  }
}
