#include "bad_bodies.hpp"

#include <cstddef>
#include <string_view>

#include "fixtures.hpp"
#include "metadata/service_reader.hpp"

namespace rancher_cnode::testing {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) {
    result += text;
  }
  return result;
}

}  // namespace

std::vector<BadBody> bad_bodies() {
  const std::string too_long(metadata::max_json_text + 1, 'n');
  const std::string too_deep = repeated("[", 100'000);
  const std::string too_many = R"({"containers":[)" + repeated("{},", metadata::max_containers);
  const std::string too_many_ips = R"({"containers":[{"ips":[)" + repeated(R"("",)", metadata::max_ips);
  return {
      {"empty", "", "the body is empty"},
      {"white space", " \n ", "the body is empty"},
      {"an HTML page", "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "looks like an HTML page"},
      {"a 404 body under status 200", fixture("not-found.json"), "has no containers key"},
      {"a container", fixture("self-container.json"), "has no containers key"},
      {"an empty object", "{}", "has no containers key"},
      {"a version", fixture("version.json"), "the answer is a string, not an object"},
      {"a number", "42", "the answer is a number, not an object"},
      {"null", "null", "the answer is null, not an object"},
      {"true", "true", "the answer is true or false, not an object"},
      {"a list of services", R"([{"containers":[]}])", "the answer is a list, not an object"},
      {"names only", fixture("self-service-2015-07-25.json"), "use a later metadata version"},
      {"containers an object", R"({"containers":{}})", "containers is an object, not a list or null"},
      {"containers a string", R"({"containers":""})", "containers is a string, not a list or null"},
      {"containers false", R"({"containers":false})", "containers is true or false, not a list or null"},
      {"a null container", R"({"containers":[{},null]})", "containers[1] is null, not an object"},
      {"a number as container", R"({"containers":[7]})", "containers[0] is a number, not an object"},
      {"a list as container", R"({"containers":[{},{},[]]})", "containers[2] is a list, not an object"},
      {"name a number", R"({"containers":[],"name":1})", "name is a number, not a string or null"},
      {"name a list", R"({"containers":[],"name":[]})", "name is a list, not a string or null"},
      {"stack_name an object", R"({"stack_name":{},"containers":[]})", "stack_name is an object"},
      {"uuid true", R"({"uuid":true,"containers":[]})", "uuid is true or false"},
      {"container uuid a number", R"({"containers":[{},{"uuid":5}]})", "containers[1].uuid is a number"},
      {"primary_ip a list", R"({"containers":[{"primary_ip":["10.42.0.1"]}]})",
       "containers[0].primary_ip is a list"},
      {"primary_ip a number", R"({"containers":[{"primary_ip":10.42}]})",
       "containers[0].primary_ip is a number"},
      {"state an object", R"({"containers":[{"state":{}}]})", "containers[0].state is an object"},
      {"health_state false", R"({"containers":[{"health_state":false}]})",
       "containers[0].health_state is true or false"},
      {"ips a string", R"({"containers":[{"ips":"10.42.0.1"}]})",
       "containers[0].ips is a string, not a list or null"},
      {"ips an object", R"({"containers":[{"ips":{}}]})",
       "containers[0].ips is an object, not a list or null"},
      {"a null in ips", R"({"containers":[{"ips":["10.42.0.1",null]}]})",
       "containers[0].ips[1] is null, not a string"},
      {"a list in ips", R"({"containers":[{"ips":[[]]}]})", "containers[0].ips[0] is a list, not a string"},
      {"an object in ips", R"({"containers":[{"ips":[{}]}]})",
       "containers[0].ips[0] is an object, not a string"},
      {"containers twice", R"({"containers":[{"uuid":"a"}],"containers":[]})", "containers is duplicated"},
      {"containers twice, once null", R"({"containers":null,"containers":null})", "containers is duplicated"},
      {"primary_ip twice", R"({"containers":[{"primary_ip":"1","primary_ip":"2"}]})",
       "containers[0].primary_ip is duplicated"},
      {"a used string too long", R"({"containers":[{"name":")" + too_long + R"("}]})",
       "containers[0].name is longer than"},
      {"too many containers", too_many + "{}]}", "more than 50000 containers"},
      {"far too many containers", too_many + repeated("{},", 300'000), "more than 50000 containers"},
      {"too many ips", too_many_ips + R"(""]}]})", "containers[0].ips has more than 64 entries"},
      {"far too many ips", too_many_ips + repeated(R"("",)", 300'000), "ips has more than 64 entries"},
      {"nested one level too deep",
       R"({"containers":[{"labels":)" + repeated("[", metadata::max_json_depth - 3),
       "nested deeper than 64 levels"},
      {"nested too deep", R"({"containers":[{"labels":)" + too_deep, "nested deeper than 64 levels"},
      {"nested too deep at the top", R"({"x":)" + too_deep, "nested deeper than 64 levels"},
      {"nested lists only", too_deep, "the answer is a list, not an object"},
      {"a number beyond all bounds", R"({"containers":[],"scale":1e999})", "byte"},
      {"a number of 10,000 digits", R"({"containers":[],"scale":)" + repeated("9", 10'000) + "}", "byte"},
      {"not a number", R"({"containers":[],"scale":NaN})", "byte 25"},
      {"a leading zero", R"({"containers":[],"scale":007})", "byte"},
      {"a bare word", R"({"containers":nil})", "byte"},
      {"single quotes", "{'containers':null}", "byte 1"},
      {"a trailing comma", R"({"containers":[],})", "byte"},
      {"no colon", R"({"containers" []})", "byte"},
      {"two answers", R"({"containers":[]}{"containers":[]})", "byte 17"},
      {"garbage after the answer", R"({"containers":[]} true)", "byte 18"},
      {"a NUL byte after the answer", std::string(R"({"containers":[]})") + '\0', "byte 17: a NUL byte"},
      {"a NUL byte in between", std::string(R"({"containers":)") + '\0' + "[]}", "byte 14"},
      {"a NUL byte in a string", std::string(R"({"containers":[],"name":"a)") + '\0' + R"("})", "byte"},
      {"a line break in a string", "{\"containers\":[],\"name\":\"a\nb\"}", "byte"},
      {"the last control character", "{\"containers\":[],\"name\":\"a\x1f\"}", "byte"},
      {"the last control character in a long string",
       "{\"containers\":[],\"name\":\"abcdefg\x1fijklmnopqrstuvw\"}", "byte"},
      {"a bad escape", R"({"containers":[],"name":"\x41"})", "byte"},
      {"half a surrogate pair", R"({"containers":[],"name":"\ud83d x"})", "byte"},
      {"a low surrogate alone", R"({"containers":[{"name":"\udc00"}]})",
       "containers[0].name contains half a surrogate pair"},
      {"the last surrogate alone", R"({"containers":[],"name":"a\udfff"})", "name contains half a surrogate"},
      {"a surrogate after a character that begins like one", R"({"containers":[],"name":"\ud7ff\udc00"})",
       "name contains half a surrogate"},
      {"a surrogate in ips", R"({"containers":[{"ips":["\udc00"]}]})",
       "containers[0].ips[0] contains half a surrogate pair"},
      {"invalid UTF-8", "{\"containers\":[],\"name\":\"a\xff\"}", "byte"},
      {"invalid UTF-8 in a long string", "{\"containers\":[],\"name\":\"abcdefg\xffijklmnopqrstuvw\"}",
       "byte"},
      {"overlong UTF-8", "{\"containers\":[],\"name\":\"\xc0\xaf\"}", "byte"},
      {"cut UTF-8", "{\"containers\":[],\"name\":\"\xe2\x82\"}", "byte"},
      {"invalid UTF-8 in an unused field", "{\"x\":\"\x80\",\"containers\":[]}", "byte"},
      {"a byte order mark", "\xef\xbb\xbf{\"containers\":[]}", "byte 0"},
  };
}

}  // namespace rancher_cnode::testing
