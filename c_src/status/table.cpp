#include <algorithm>
#include <array>
#include <vector>

#include "rancher_cnode/core/utf8.hpp"
#include "rancher_cnode/core/wrapped.hpp"
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
/// Of a line above the peers.
constexpr std::size_t label_width = 11;

using Row = std::array<std::string, columns>;

/// Printable text cut to so many characters, with "..." if there is room for it.
std::string cut(const std::string& text, std::size_t width) {
  if (columns_of(text) <= width) {
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
  return "rancher_cnode " + version_of(report) + ", up " + for_people(report.uptime) + ": " + painted;
}

std::string metadata_line(const Report::Metadata& metadata) {
  std::string text = (metadata.url.empty() ? "no answer yet" : shown(metadata.url)) + ", authoritative " +
                     authoritative_answer(metadata);
  if (!metadata.last_failure.empty()) {
    text += "; last failure " + for_people(metadata.last_failed) + " ago: " + shown(metadata.last_failure);
  }
  return text;
}

/// The lines above the peers.
std::string summary(const Report& report, const TableStyle& style) {
  const auto line = [&style](const std::string& text) {
    return wrapped(text, style.width, label_width) + "\n";
  };
  std::string text = line(first_line(report, Painter(style.colour)));
  for (const auto& target : report.targets) {
    text += line("beam       " + shown(target.node) + " " + shown(target.state) + " for " +
                 for_people(target.since) + (target.reason.empty() ? "" : ": " + shown(target.reason)));
  }
  if (report.targets.empty()) {
    text += line("beam       " + shown(no_target(report)));
  }
  text += line("cnode      " + name_of_cnode(report) + ", epmd: " + shown(report.registration) +
               ", own container: " + shown(report.own_container));
  text += line("metadata   " + metadata_line(report.metadata));
  const auto& services = report.metadata.services;
  for (std::size_t i = 0; services.size() > 1 && i < services.size(); ++i) {
    text += line(
        "service    " + shown(services[i].path) + ", authoritative " +
        (services[i].last_authoritative ? for_people(*services[i].last_authoritative) + " ago" : "never") +
        ", own container: " + shown(services[i].own_container));
  }
  return text;
}

std::array<std::size_t, columns> widths_of(const std::vector<Row>& rows, std::size_t limit) {
  std::array<std::size_t, columns> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) {
      widths[i] = std::max(widths[i], columns_of(row[i]));
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
    const std::size_t width = columns_of(cell);
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
  std::string text = summary(report, style);
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
