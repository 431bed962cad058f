#include "metadata/service_reader.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <string>

#include "metadata/body_stream.hpp"
#include "metadata/service_handler.hpp"

namespace rancher_cnode::metadata {
namespace {

std::string at_byte(std::size_t offset, std::string_view what) {
  return "byte " + std::to_string(offset) + ": " + std::string(what);
}

/// The most likely reason of a failed parse, in words.
std::string explain(const rapidjson::ParseResult& result, const BodyStream& stream, char first,
                    const std::string& problem) {
  if (result.Code() == rapidjson::kParseErrorDocumentEmpty) {
    return "the body is empty";
  }
  if (!problem.empty()) {
    return at_byte(stream.Tell(), problem);
  }
  if (stream.at_end()) {
    return at_byte(stream.Tell(), "the body ends too early");
  }
  if (result.Offset() == 0 && first == '<') {
    return "the body is not JSON but looks like an HTML page";
  }
  return at_byte(result.Offset(), rapidjson::GetParseError_En(result.Code()));
}

}  // namespace

Expected<membership::Service> read_service(ByteSource& body, ServiceBody kind,
                                           const std::vector<std::string>& label_keys) {
  BodyStream stream(body);
  const char first = stream.Peek();
  ServiceHandler handler(kind, label_keys);
  rapidjson::Reader reader;
  // In situ, because the stream collects the strings itself. Recursive, because that is faster; the handler
  // bounds the depth before the parser descends.
  constexpr unsigned flags = rapidjson::kParseInsituFlag | rapidjson::kParseValidateEncodingFlag;
  const rapidjson::ParseResult result = reader.Parse<flags>(stream, handler);
  if (stream.failure()) {
    return tl::unexpected<Error>(*stream.failure());
  }
  if (result.IsError()) {
    return failure(ErrorCode::malformed, explain(result, stream, first, handler.problem()));
  }
  if (!stream.at_end()) {
    return failure(ErrorCode::malformed, at_byte(stream.Tell(), "a NUL byte"));
  }
  return handler.take();
}

Expected<membership::Service> read_service(std::string_view body, ServiceBody kind,
                                           const std::vector<std::string>& label_keys) {
  MemorySource source(body);
  return read_service(source, kind, label_keys);
}

}  // namespace rancher_cnode::metadata
