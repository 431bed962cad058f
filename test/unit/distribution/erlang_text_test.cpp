#include "distribution/tls/erlang_text.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;

namespace {

std::string shown(const TextTerm& term) {
  const auto elements = [&] {
    std::string all;
    for (const auto& element : term.elements) {
      all += (all.empty() ? "" : ",") + shown(element);
    }
    return all;
  };
  switch (term.kind) {
    case TextTermKind::atom:
      return term.text;
    case TextTermKind::number:
      return "#" + term.text;
    case TextTermKind::string:
      return '"' + term.text + '"';
    case TextTermKind::tuple:
      return "{" + elements() + "}";
    case TextTermKind::list:
      return "[" + elements() + "]";
    case TextTermKind::map:
      return "map(" + elements() + ")";
    case TextTermKind::opaque:
      return "opaque";
  }
  return "";
}

std::string read(const std::string& text) {
  const auto term = read_erlang_text(text);
  return term ? shown(*term) : term.error().message;
}

}  // namespace

TEST_CASE("terms are read as a BEAM reads them") {
  const struct {
    const char* text;
    const char* term;
  } rows[] = {
      {"atom.", "atom"},
      {" 'tlsv1.2' .\n", "tlsv1.2"},
      {"'it\\'s'.", "it's"},
      {"\"a\\\"b\".", "\"a\"b\""},
      {"\"/etc/\" \"tls\".", "\"/etc/tls\""},
      {"<<\"x\">>.", "\"x\""},
      {"<<\"x\"/utf8>>.", "\"x\""},
      {"<<>>.", "\"\""},
      {"2.", "#2"},
      {"-1.", "#-1"},
      {"16#ff.", "#16#ff"},
      {"1.5.", "#1.5"},
      {"$a.", "#97"},
      {"{}.", "{}"},
      {"[].", "[]"},
      {"[a, {b, \"c\"} | d].", "[a,{b,\"c\"},d]"},
      {"#{certfile => \"x\", b=>c}.", "map(certfile,\"x\",b,c)"},
      {"% a comment\n[a, % another\n b].", "[a,b]"},
      {"{verify_fun, {fun inet_tls_dist:verify_client/3, []}}.", "{verify_fun,{opaque,[]}}"},
      {"[fun 'M':'f'/1].", "[opaque]"},
      {"[fun (X, end_of) -> case X of a -> \"end\"; _ -> $e end end, b].", "[opaque,b]"},
      {"[fun(_) -> fun() -> ok end end].", "[opaque]"},
      {"{match_fun, public_key:pkix_verify_hostname_match_fun(https)}.", "{match_fun,opaque}"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(read(row.text) == row.term);
  }
}

TEST_CASE("text that is no single term is refused with its line") {
  for (const auto* text : {"",      "a",       "a. b.",     "[a",   "{a]",         "\"a",    "'a",
                           "\"a\\", "<<\"a\"", "Variable.", "_.",   "[Variable].", "fun x.", "fun () -> ok.",
                           "m:f(.", "m:.",     "#{a => }.", "[,].", "$",           "-.",     "()."}) {
    CAPTURE(text);
    CHECK(read(text) == "line 1 is not an Erlang term");
  }
  CHECK(read("[a,\n b,\n C].") == "line 3 is not an Erlang term");
}

TEST_CASE("depth and size are bounded") {
  const std::string open(max_erlang_text_depth, '[');
  const std::string close(max_erlang_text_depth, ']');
  CHECK(read(open + close + ".").starts_with("[["));
  CHECK(read(open + "[" + close + "].").ends_with("is not an Erlang term"));
  CHECK(read_erlang_text(std::string(max_erlang_text, ' ')).error().code == ErrorCode::malformed);
  CHECK(read_erlang_text(std::string(max_erlang_text + 1, ' ')).error().code == ErrorCode::too_large);
}
