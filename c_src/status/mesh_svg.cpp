// The mesh as a picture: a ring of members.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "rancher_cnode/status/mesh_renderings.hpp"
#include "status/markup.hpp"
#include "status/mesh_parts.hpp"

namespace rancher_cnode::status {
namespace {

using Hole = MeshFindings::Hole;

constexpr double node_radius = 6;
constexpr double least_ring = 110;
/// Of a member on the ring, and of a character of a label: generous ones, because fonts differ.
constexpr double pitch = 18;
constexpr double character = 8.2;
constexpr double line_height = 20;
/// Above that, labels stand on the ring like spokes.
constexpr std::size_t most_upright_labels = 12;
/// Above that, present connections are a grey disc: they are not drawn, and the description says so.
constexpr std::size_t most_with_connections = 64;
constexpr std::size_t most_drawn_holes = 2'000;
constexpr std::size_t longest_label = 40;

constexpr std::string_view svg_style = R"(
.mesh{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#8b949e;--bad:#b3261e;--good:#1a6b3c}
@media(prefers-color-scheme:dark){.mesh{--ink:#e6edf3;--paper:#0d1117;--faint:#7d8590;--bad:#ff7b72;--good:#56d364}}
.mesh text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink)}
.mesh .paper{fill:var(--paper)}
.mesh .connected{stroke:var(--faint);stroke-width:1}
.mesh .missing{fill:none;stroke:var(--bad);stroke-width:2.5;stroke-dasharray:7 5}
.mesh .one-way{fill:none;stroke:var(--bad);stroke-width:2.5}
.mesh .arrow{fill:var(--bad)}
.mesh circle{fill:var(--good);stroke:var(--paper);stroke-width:1.5}
.mesh .silent circle{fill:var(--paper);stroke:var(--bad);stroke-width:2.5;stroke-dasharray:3 2}
.mesh .held circle{fill:var(--paper);stroke:var(--faint);stroke-dasharray:none}
.mesh .held text{fill:var(--faint)}
)";

/// One decimal, whatever the locale.
std::string number(double value) {
  const auto tenths = std::llround(value * 10);
  const auto whole = std::llabs(tenths);
  return (tenths < 0 ? "-" : "") + std::to_string(whole / 10) + "." + std::to_string(whole % 10);
}

struct Point {
  double x = 0;
  double y = 0;
};

/// Where the members stand: the first one at the top, the others clockwise.
class Ring {
 public:
  explicit Ring(std::size_t count)
      : count_(std::max<std::size_t>(count, 1)),
        radius_(std::max(least_ring, pitch * static_cast<double>(count) / (2 * std::numbers::pi))) {}

  [[nodiscard]] double radius() const { return radius_; }
  [[nodiscard]] double angle(std::size_t member) const {
    return 2 * std::numbers::pi * static_cast<double>(member) / static_cast<double>(count_) -
           std::numbers::pi / 2;
  }
  [[nodiscard]] Point at(std::size_t member, double radius) const {
    return {radius * std::cos(angle(member)), radius * std::sin(angle(member))};
  }
  [[nodiscard]] Point at(std::size_t member) const { return at(member, radius_); }

 private:
  std::size_t count_;
  double radius_;
};

std::string line(const char* kind, Point from, Point to, const std::string& more) {
  return "<line class=\"" + std::string(kind) + "\" x1=\"" + number(from.x) + "\" y1=\"" + number(from.y) +
         "\" x2=\"" + number(to.x) + "\" y2=\"" + number(to.y) + "\"" + more + "/>\n";
}

/// A curve that bends towards the centre, so that it shows between neighbours on a large ring too. An arrow
/// ends before the member: its head must not be hidden.
std::string hole_line(const Mesh& mesh, const Ring& ring, const Hole& hole) {
  constexpr double bend = 0.6;
  const Point from = ring.at(hole.from);
  const Point to = ring.at(hole.to);
  const Point control{bend * (from.x + to.x) / 2, bend * (from.y + to.y) / 2};
  const bool one_way = hole.kind == Hole::Kind::one_way;
  const double length = std::hypot(to.x - control.x, to.y - control.y);
  const double part = one_way ? (length - node_radius - 3) / length : 1;
  const Point end{control.x + part * (to.x - control.x), control.y + part * (to.y - control.y)};
  return "<path class=\"" + std::string(one_way ? "one-way" : "missing") + "\" d=\"M" + number(from.x) + " " +
         number(from.y) + "Q" + number(control.x) + " " + number(control.y) + " " + number(end.x) + " " +
         number(end.y) + "\"" + (one_way ? " marker-end=\"url(#mesh-arrow)\"" : "") + "><title>" +
         escaped(in_words(mesh, hole)) + "</title></path>\n";
}

std::string label(const Ring& ring, std::size_t member, std::size_t count, const std::string& text) {
  constexpr double distance = node_radius + 7;
  const double angle = ring.angle(member);
  const Point at = ring.at(member, ring.radius() + distance);
  const bool left = std::cos(angle) < -0.01;
  const bool upright = count <= most_upright_labels;
  const bool middle = upright && std::abs(std::cos(angle)) <= 0.1;
  std::string attributes = " text-anchor=\"";
  attributes += middle ? "middle" : left ? "end" : "start";
  attributes += "\"";
  if (!upright) {
    const double degrees = angle * 180 / std::numbers::pi + (left ? 180 : 0);
    attributes += " transform=\"rotate(" + number(degrees) + " " + number(at.x) + " " + number(at.y) + ")\"";
  }
  const double down = !middle ? 4 : at.y < 0 ? 0 : 10;
  return "<text x=\"" + number(at.x) + "\" y=\"" + number(at.y + down) + "\"" + attributes + ">" +
         escaped(text) + "</text>";
}

std::string node(const Mesh& mesh, const Ring& ring, std::size_t member, const std::string& text) {
  const auto& what = mesh.members[member];
  const bool silent = what.answer != Mesh::Answer::answered;
  const std::string title = silent ? without_answer(mesh, member) : name_of(mesh, member);
  const Point at = ring.at(member);
  return std::string("<g") +
         (!what.dialable ? " class=\"held\""
          : silent       ? " class=\"silent\""
                         : "") +
         "><title>" + escaped(title + (what.dialable ? "" : " (must not be dialled)")) +
         "</title><circle cx=\"" + number(at.x) + "\" cy=\"" + number(at.y) + "\" r=\"" +
         number(node_radius) + "\"/>" + label(ring, member, mesh.members.size(), text) + "</g>\n";
}

std::string connections(const Mesh& mesh, const Ring& ring) {
  std::string text;
  if (mesh.members.size() > most_with_connections) {
    return text;
  }
  for (std::size_t i = 0; i < mesh.members.size(); ++i) {
    for (std::size_t k = i + 1; k < mesh.members.size(); ++k) {
      text += is_connected(mesh, i, k) ? line("connected", ring.at(i), ring.at(k), "") : "";
    }
  }
  return text;
}

std::string description(const Mesh& mesh, const MeshFindings& findings) {
  constexpr std::size_t most_sentences = 20;
  std::string text = "A ring of " + std::to_string(mesh.members.size()) + " members. ";
  text += mesh.members.size() > most_with_connections ? "Connections are not drawn, only holes. " : "";
  for (std::size_t i = 0; i < findings.holes.size() && i < most_sentences; ++i) {
    text += escaped(in_words(mesh, findings.holes[i])) + ". ";
  }
  if (findings.holes.size() > most_sentences) {
    text += "And " + std::to_string(findings.holes.size() - most_sentences) + " other holes. ";
  }
  for (std::size_t i = 0; i < findings.unanswered.size() && i < most_sentences; ++i) {
    text += escaped(without_answer(mesh, findings.unanswered[i])) + ". ";
  }
  return text;
}

struct Entry {
  std::string drawing;
  std::string words;
};

/// What the lines and circles of this picture mean.
std::vector<Entry> legend_of(const Mesh& mesh, const MeshFindings& findings) {
  std::vector<Entry> entries;
  const auto has = [&](Hole::Kind kind) { return std::ranges::count(findings.holes, kind, &Hole::kind) > 0; };
  if (has(Hole::Kind::missing)) {
    entries.push_back({line("missing", {0, 0}, {36, 0}, ""), "missing connection"});
  }
  if (has(Hole::Kind::one_way)) {
    entries.push_back({line("one-way", {0, 0}, {30, 0}, " marker-end=\"url(#mesh-arrow)\""),
                       "one-way: the other does not see it"});
  }
  if (!findings.unanswered.empty()) {
    entries.push_back({R"(<g class="silent"><circle cx="18" cy="0" r="6"/></g>)", "has not answered"});
  }
  if (std::ranges::any_of(mesh.members, [](const auto& member) { return !member.dialable; })) {
    entries.push_back({R"(<g class="held"><circle cx="18" cy="0" r="6"/></g>)", "must not be dialled"});
  }
  return entries;
}

std::string legend(const std::vector<Entry>& entries, double left, double top) {
  std::string text;
  for (const auto& entry : entries) {
    text += "<g transform=\"translate(" + number(left) + " " + number(top) + ")\">" + entry.drawing +
            R"(<text x="44" y="4">)" + entry.words + "</text></g>\n";
    top += line_height;
  }
  return text;
}

}  // namespace

std::string as_svg(const Mesh& mesh) {
  const MeshFindings findings = examine(mesh);
  const Ring ring(mesh.members.size());
  auto labels = labels_of(mesh);
  std::size_t longest = 0;
  for (auto& text : labels) {
    text = text.size() > longest_label ? std::string(beginning_of(text, longest_label - 3)) + "..." : text;
    longest = std::max(longest, text.size());
  }
  const bool upright = mesh.members.size() <= most_upright_labels;
  const double label_width = static_cast<double>(longest) * character + 2 * node_radius + 10;
  const double half_width = std::max(ring.radius() + label_width, 190.0);
  const double margin = upright ? 2 * line_height : label_width;
  const double top = -(ring.radius() + margin);
  // An odd ring, above all a small one, does not reach as far down as up.
  double lowest = -ring.radius();
  for (std::size_t i = 0; i < mesh.members.size(); ++i) {
    lowest = std::max(lowest, ring.at(i).y);
  }
  const double bottom = lowest + margin;
  const auto entries = legend_of(mesh, findings);
  const double height = bottom - top + static_cast<double>(entries.size()) * line_height + node_radius;
  std::string text = R"(<svg xmlns="http://www.w3.org/2000/svg" class="mesh" role="img" viewBox=")" +
                     number(-half_width) + " " + number(top) + " " + number(2 * half_width) + " " +
                     number(height) + R"(" aria-labelledby="mesh-title mesh-description">)" + "\n";
  text += "<title id=\"mesh-title\">Mesh: " + escaped(in_words(mesh, findings)) + "</title>\n";
  text += "<desc id=\"mesh-description\">" + description(mesh, findings) + "</desc>\n";
  text += "<style>" + std::string(svg_style) + "</style>\n";
  text +=
      R"(<defs><marker id="mesh-arrow" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="5" markerHeight="5" )"
      R"(orient="auto"><path class="arrow" d="M0 0L10 5L0 10z"/></marker></defs>)"
      "\n";
  text += R"(<rect class="paper" x=")" + number(-half_width) + "\" y=\"" + number(top) + "\" width=\"" +
          number(2 * half_width) + "\" height=\"" + number(height) + "\"/>\n";
  text += connections(mesh, ring);
  for (std::size_t i = 0; i < findings.holes.size() && i < most_drawn_holes; ++i) {
    text += hole_line(mesh, ring, findings.holes[i]);
  }
  for (std::size_t i = 0; i < mesh.members.size(); ++i) {
    text += node(mesh, ring, i, labels[i]);
  }
  return text + legend(entries, -half_width + 8, bottom + node_radius) + "</svg>\n";
}

}  // namespace rancher_cnode::status
