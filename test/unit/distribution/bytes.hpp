// Bytes for tests: from hexadecimal text, and real terms as OTP 25 writes them.
#pragma once

#include <charconv>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::distribution::test {

inline TermBytes hex(std::string_view digits) {
  TermBytes bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(digits.data() + i, digits.data() + i + 2, value, 16);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

inline TermBytes join(std::initializer_list<TermBytes> parts) {
  TermBytes all;
  for (const auto& part : parts) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

inline TermBytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// text, `times` times.
inline TermBytes repeated(std::string_view text, std::size_t times) {
  TermBytes bytes;
  for (std::size_t i = 0; i < times; ++i) {
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  return bytes;
}

struct RealTerm {
  std::string what;
  TermType type;
  TermBytes bytes;
};

/// One term of every type, byte for byte what term_to_binary/1 of OTP 25 gives after the version byte.
inline std::vector<RealTerm> real_terms() {
  const std::string grin = "\xf0\x9f\x98\x80";
  return {
      {"255", TermType::integer, hex("61ff")},
      {"-1", TermType::integer, hex("62ffffffff")},
      {"2147483647", TermType::integer, hex("627fffffff")},
      {"the greatest of 64 bits", TermType::integer, hex("6e0800ffffffffffffff7f")},
      {"the smallest of 64 bits", TermType::integer, hex("6e08010000000000000080")},
      {"one beyond 64 bits", TermType::integer, hex("6e08000000000000000080")},
      {"1 bsl 2100", TermType::integer,
       join({hex("6f0000010700"), repeated(std::string(1, '\0'), 262), hex("10")})},
      {"1.5", TermType::floating, hex("463ff8000000000000")},
      {"hello", TermType::atom, hex("64000568656c6c6f")},
      {"an atom of 255 letters", TermType::atom, join({hex("6400ff"), repeated("a", 255)})},
      {"an atom of 255 emojis", TermType::atom, join({hex("7603fc"), repeated(grin, 255)})},
      {"''", TermType::atom, hex("640000")},
      {"a binary", TermType::binary, hex("6d0000000c736f6d6520627974657300ff")},
      {"<<>>", TermType::binary, hex("6d00000000")},
      {"<<1:3>>", TermType::bits, hex("4d000000010320")},
      {"[]", TermType::nil, hex("6a")},
      {"\"text\"", TermType::string, hex("6b000474657874")},
      {"[a,[b],300]", TermType::list, hex("6c00000003640001616c00000001640001626a620000012c6a")},
      {"[alias|Ref]", TermType::list,
       hex("6c00000001640005616c6961735a000364000e6265616d403132372e302e302e316b04a43e00018c4f8be00002544595"
           "66")},
      {"{ok,{1,2}}", TermType::tuple, hex("68026400026f6b680261016102")},
      {"{}", TermType::tuple, hex("6800")},
      {"a tuple of 256", TermType::tuple, join({hex("6900000100"), repeated("a\x07", 256)})},
      {"#{a=>1,<<\"k\">>=>[x]}", TermType::map,
       hex("74000000026400016161016d000000016b6c00000001640001786a")},
      {"#{}", TermType::map, hex("7400000000")},
      {"a pid", TermType::pid, hex("5864000e6265616d403132372e302e302e3100000009000000006b04a43e")},
      {"a reference", TermType::reference,
       hex("5a000364000e6265616d403132372e302e302e316b04a43e00018c508be0000254459566")},
      {"a port", TermType::port, hex("5964000e6265616d403132372e302e302e31000000006b04a43e")},
      {"an external fun", TermType::fun, hex("7164000665726c616e676400046e6f64656100")},
      {"a fun", TermType::fun, hex("7000000007010203")},
      {"a float of OTP R10", TermType::floating, join({hex("63"), repeated("0", 31)})},
      {"a pid before OTP 23", TermType::pid, hex("6764000e6265616d403132372e302e302e31000000090000000001")},
      {"a reference before OTP 23", TermType::reference,
       hex("72000364000e6265616d403132372e302e302e31010001000000000002000000"
           "03")},
      {"a port before OTP 23", TermType::port, hex("6664000e6265616d403132372e302e302e310000000901")},
      {"a port before OTP 24", TermType::port,
       hex("7864000e6265616d403132372e302e302e3100000000000000096b04a43e")},
      {"a small UTF-8 atom", TermType::atom, hex("770268c3")},
      {"a small Latin-1 atom", TermType::atom, hex("730168")},
  };
}

}  // namespace rancher_cnode::distribution::test
