#include "cli/doctor/rendering.hpp"

#include <algorithm>
#include <array>

#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/core/wrapped.hpp"

namespace rancher_cnode::cli::doctor {
namespace {

constexpr std::size_t outcome_width = 9;
constexpr std::size_t name_width = 24;

std::string padded(std::string_view text, std::size_t width) {
  std::string padded(text);
  padded.resize(std::max(width, text.size() + 1), ' ');
  return padded;
}

std::string_view colour_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok:
      return "32";
    case Outcome::skipped:
      return "2";
    case Outcome::warning:
      return "33";
    case Outcome::failure:
      return "31";
  }
  return "0";
}

std::string painted(std::string_view text, Outcome outcome, status::Colour colour) {
  return colour == status::Colour::off
             ? std::string(text)
             : "\x1b[" + std::string(colour_of(outcome)) + "m" + std::string(text) + "\x1b[0m";
}

std::string json_string(std::string_view text) { return '"' + printable(text) + '"'; }

/// "22 ok, 1 skipped, 2 failures"
std::string sum_of(std::span<const Finding> findings) {
  std::string text;
  for (const auto outcome : {Outcome::ok, Outcome::skipped, Outcome::warning, Outcome::failure}) {
    const auto count = std::ranges::count_if(
        findings, [outcome](const Finding& finding) { return finding.result.outcome == outcome; });
    const bool plural = count != 1 && (outcome == Outcome::warning || outcome == Outcome::failure);
    if (count > 0) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(to_string(outcome)) +
              (plural ? "s" : "");
    }
  }
  return text;
}

}  // namespace

std::string as_table(std::span<const Finding> findings, const status::TableStyle& style) {
  constexpr std::size_t indent = outcome_width + name_width;
  std::string table;
  for (const auto& [check, result] : findings) {
    const std::string line =
        painted(padded(to_string(result.outcome), outcome_width), result.outcome, style.colour) +
        padded(check, name_width) + readable(result.text);
    table += wrapped(line, style.width, indent) + '\n';
    if (!result.advice.empty()) {
      table += wrapped(std::string(indent, ' ') + readable(result.advice), style.width, indent) + '\n';
    }
  }
  return table + painted(sum_of(findings), worst_of(findings), style.colour) + '\n';
}

std::string as_json(std::span<const Finding> findings) {
  std::string text = R"({"outcome":)" + json_string(to_string(worst_of(findings))) + R"(,"checks":[)";
  const char* separator = "";
  for (const auto& [check, result] : findings) {
    text += separator;
    text += R"({"check":)" + json_string(check) + R"(,"outcome":)" + json_string(to_string(result.outcome)) +
            R"(,"text":)" + json_string(result.text) + R"(,"advice":)" + json_string(result.advice) + "}";
    separator = ",";
  }
  return text + "]}\n";
}

int status_of(std::span<const Finding> findings) {
  switch (worst_of(findings)) {
    case Outcome::ok:
    case Outcome::skipped:
      return 0;
    case Outcome::warning:
      return 1;
    case Outcome::failure:
      return 2;
  }
  return 2;
}

}  // namespace rancher_cnode::cli::doctor
