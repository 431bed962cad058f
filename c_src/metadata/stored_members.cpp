#include "rancher_cnode/metadata/stored_members.hpp"

#include <fcntl.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "metadata/file_source.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::metadata {
namespace {

constexpr int format = 1;
constexpr std::size_t max_bytes = std::size_t{16} << 20U;

tl::unexpected<Error> malformed(const std::string& what) { return failure(ErrorCode::malformed, what); }

const rapidjson::Value* find(const rapidjson::Value& object, const char* key) {
  const auto found = object.FindMember(key);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

const rapidjson::Value* find_text(const rapidjson::Value& object, const char* key) {
  const auto* const value = find(object, key);
  return value != nullptr && value->IsString() ? value : nullptr;
}

const rapidjson::Value* find_list(const rapidjson::Value& object, const char* key) {
  const auto* const value = find(object, key);
  return value != nullptr && value->IsArray() ? value : nullptr;
}

Expected<StoredService> service_of(const rapidjson::Value& object) {
  if (!object.IsObject()) {
    return malformed("a service is not an object");
  }
  const auto* const path = find_text(object, "path");
  const auto* const basename = find_text(object, "node_basename");
  const auto* const members = find_list(object, "members");
  if (path == nullptr || basename == nullptr || members == nullptr) {
    return malformed("a service lacks path, node_basename or members");
  }
  StoredService service{path->GetString(), basename->GetString(), {}};
  for (const auto& member : members->GetArray()) {
    const auto address =
        member.IsString() ? Ipv4Address::parse(member.GetString()) : Expected<Ipv4Address>(malformed(""));
    if (!address || !address->is_host()) {
      return malformed("a member is not the address of a host");
    }
    service.members.push_back(*address);
  }
  return service;
}

Expected<void> failed(const std::string& what, int error) {
  return failure(ErrorCode::failed, what + ": " + std::generic_category().message(error));
}

Expected<void> write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      return failed("cannot be written", errno);
    }
    text.remove_prefix(static_cast<std::size_t>(written < 0 ? 0 : written));
  }
  return ::fsync(descriptor) == 0 ? Expected<void>() : failed("cannot be written", errno);
}

}  // namespace

std::string as_text(const StoredMembers& members) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  json.StartObject();
  json.Key("format");
  json.Int(format);
  json.Key("saved_unix_ms");
  json.Int64(members.saved_unix.count());
  json.Key("services");
  json.StartArray();
  for (const auto& service : members.services) {
    json.StartObject();
    json.Key("path");
    json.String(service.path.c_str());
    json.Key("node_basename");
    json.String(service.node_basename.c_str());
    json.Key("members");
    json.StartArray();
    for (const auto address : service.members) {
      json.String(address.to_string().c_str());
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

Expected<StoredMembers> parse_stored_members(std::string_view text) {
  rapidjson::Document document;
  // Iterative: the depth is chosen by whoever wrote the file.
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (document.HasParseError() || !document.IsObject()) {
    return malformed("it is not a complete JSON object");
  }
  const auto* const version = find(document, "format");
  if (version == nullptr || !version->IsInt() || version->GetInt() != format) {
    return malformed("it is not of format " + std::to_string(format));
  }
  const auto* const saved = find(document, "saved_unix_ms");
  const auto* const services = find_list(document, "services");
  if (saved == nullptr || !saved->IsInt64() || services == nullptr) {
    return malformed("it lacks saved_unix_ms or services");
  }
  StoredMembers members{Milliseconds(saved->GetInt64()), {}};
  for (const auto& object : services->GetArray()) {
    auto service = service_of(object);
    if (!service) {
      return tl::unexpected<Error>(service.error());
    }
    members.services.push_back(*std::move(service));
  }
  return members;
}

Expected<StoredMembers> read_stored_members(const std::string& path) {
  std::string url = "file://";
  for (const char c : path) {
    url += c == '%' ? std::string("%25") : std::string(1, c);
  }
  FileSource file(url, max_bytes);
  const auto text = read_all(file, max_bytes);
  return text ? parse_stored_members(*text) : tl::unexpected<Error>(text.error());
}

Expected<void> write_stored_members(const std::string& path, const StoredMembers& members) {
  std::string beside = path + ".XXXXXX";
  const FileDescriptor file(::mkostemp(beside.data(), O_CLOEXEC));
  if (!file.valid()) {
    return failed("cannot be made", errno);
  }
  auto written = write_all(file.get(), as_text(members));
  if (written && ::rename(beside.c_str(), path.c_str()) != 0) {
    written = failed("cannot be replaced", errno);
  }
  if (!written) {
    ::unlink(beside.c_str());
  }
  return written;
}

}  // namespace rancher_cnode::metadata
