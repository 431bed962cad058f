#include <algorithm>
#include <array>
#include <vector>

#include "rancher_cnode/core/utf8.hpp"
#include "rancher_cnode/status/renderings.hpp"
#include "rancher_cnode/status/verdict.hpp"
#include "status/painter.hpp"
#include "status/words.hpp"

namespace rancher_cnode::status {
namespace {

constexpr std::size_t columns = 5;
constexpr std::size_t why_column = 3;
/// Fewer columns would be useless: the end of the row is cut off before this is cut further.
constexpr std::size_t least_why = 16;
constexpr std::string_view gap = "  ";

using Row = std::array<std::string, columns>;

/// Of printable text.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

/// Printable text cut to so many characters, with "..." if there is room for it.
std::string cut(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) {
    return text;
  }
  const std::string_view end = std::string_view("...").substr(0, width);
  std::size_t at = 0;
  for (std::size_t i = 0; i + end.size() < width; ++i) {
    at += std::max<std::size_t>(utf8_length(std::string_view(text).substr(at)), 1);
  }
  return text.substr(0, at) + std::string(end);
}

std::string painted(const Painter& painter, const Report::Peer& peer, const std::string& text) {
  return peer.state == "connected" ? painter.good(text)
         : peer.state == "waiting" ? painter.bad(text)
                                   : painter.pending(text);
}

std::string first_line(const Report& report, const Painter& painter) {
  const Verdict verdict = verdict_on(report);
  const std::string words = in_words(verdict);
  const auto painted = verdict.kind == Verdict::Kind::whole ? painter.good(words)
                       : verdict.kind == Verdict::Kind::incomplete
                           ? painter.bad(words)
                           : painter.bad(words + ": " + shortfall(report));
  return "rancher_cnode " + shown(report.version) + ", up " + for_people(report.uptime) + ": " + painted +
         "\n";
}

std::string summary(const Report& report) {
  std::string text;
  for (const auto& target : report.targets) {
    text += "beam       " + shown(target.node) + " " + shown(target.state) + " for " +
            for_people(target.since) + (target.reason.empty() ? "" : ": " + shown(target.reason)) + "\n";
  }
  if (report.targets.empty()) {
    text += "beam       none is known yet\n";
  }
  text += "cnode      " + shown(report.node) + ", epmd: " + shown(report.registration) +
          ", own container: " + shown(report.own_container) + "\n";
  const auto& metadata = report.metadata;
  text += "metadata   " + (metadata.url.empty() ? "no answer yet" : shown(metadata.url)) +
          ", authoritative " +
          (metadata.last_authoritative ? for_people(*metadata.last_authoritative) + " ago" : "never");
  if (!metadata.last_failure.empty()) {
    text += "; last failure " + for_people(metadata.last_failed) + " ago: " + shown(metadata.last_failure);
  }
  text += "\n";
  if (metadata.services.size() > 1) {
    for (const auto& service : metadata.services) {
      text += "service    " + shown(service.path) + ", authoritative " +
              (service.last_authoritative ? for_people(*service.last_authoritative) + " ago" : "never") +
              ", own container: " + shown(service.own_container) + "\n";
    }
  }
  return text;
}

std::array<std::size_t, columns> widths_of(const std::vector<Row>& rows, std::size_t limit) {
  std::array<std::size_t, columns> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::size_t others = gap.size() * (columns - 1);
  for (std::size_t i = 0; i < columns; ++i) {
    others += i == why_column ? 0 : widths[i];
  }
  widths[why_column] = std::min(widths[why_column], std::max(limit > others ? limit - others : 0, least_why));
  return widths;
}

/// Padded, without blanks at the end, and cut to `limit`. `paint` is given the cell of the state.
template <class Paint>
std::string line(const Row& row, const std::array<std::size_t, columns>& widths, std::size_t limit,
                 Paint paint) {
  std::string text;
  std::size_t used = 0;
  std::size_t pending = 0;
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t left = limit > used + pending ? limit - used - pending : 0;
    const std::string cell = cut(row[i], std::min(widths[i], left));
    const std::size_t width = width_of(cell);
    if (width > 0) {
      text += std::string(pending, ' ') + (i == 1 ? paint(cell) : cell);
      used += pending + width;
      pending = 0;
    }
    pending += widths[i] - std::min(widths[i], width) + gap.size();
  }
  return text + "\n";
}

}  // namespace

std::string as_table(const Report& report, const TableStyle& style) {
  const Painter painter(style.colour);
  std::string text = first_line(report, painter) + summary(report);
  std::vector<Row> rows{{"PEER", "STATE", "SINCE", "WHY", "NEXT"}};
  std::vector<const Report::Peer*> peers{nullptr};
  const auto add = [&](const Report::Peer& peer, const std::string& state, std::string next) {
    rows.push_back(
        {shown(name_of(report, peer)), state, for_people(peer.since), shown(peer.reason), std::move(next)});
    peers.push_back(&peer);
  };
  for (const auto& peer : report.peers) {
    add(peer, shown(peer.state), next_step(peer));
  }
  for (const auto& departed : report.departed) {
    add(departed, "departed", "disconnects itself");
  }
  if (rows.size() == 1) {
    return text;
  }
  const auto widths = widths_of(rows, style.width);
  text += "\n" + line(rows[0], widths, style.width, [&](const std::string& cell) { return cell; });
  for (std::size_t i = 1; i < rows.size(); ++i) {
    text += line(rows[i], widths, style.width,
                 [&](const std::string& cell) { return painted(painter, *peers[i], cell); });
  }
  return text;
}

}  // namespace rancher_cnode::status
