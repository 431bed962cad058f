#include "metadata/not_found_answer.hpp"

#include <rapidjson/document.h>

namespace rancher_cnode::metadata {
namespace {

bool is_text(const rapidjson::Document& answer, const char* key, std::string_view text) {
  const auto found = answer.FindMember(key);
  return found != answer.MemberEnd() && found->value.IsString() &&
         std::string_view(found->value.GetString(), found->value.GetStringLength()) == text;
}

}  // namespace

bool is_not_found_answer(std::string_view body) {
  rapidjson::Document answer;
  // Iterative: the depth is chosen by the server.
  answer.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (answer.HasParseError() || !answer.IsObject()) {
    return false;
  }
  const auto code = answer.FindMember("code");
  return code != answer.MemberEnd() && code->value.IsInt() && code->value.GetInt() == 404 &&
         is_text(answer, "message", "Not found") && is_text(answer, "type", "error");
}

}  // namespace rancher_cnode::metadata
