#include "rancher_cnode/status/page.hpp"

#include <algorithm>

#include "rancher_cnode/status/mesh_renderings.hpp"
#include "rancher_cnode/status/verdict.hpp"
#include "status/markup.hpp"
#include "status/mesh_parts.hpp"
#include "status/words.hpp"

namespace rancher_cnode::status {
namespace {

constexpr std::size_t most_named_holes = 100;

// System colours and fonts; the words carry what the colours show. Only the text of others breaks within
// words: in headings and sentences, and in the columns of a table that take what the others leave.
constexpr std::string_view page_style = R"(
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#57606a;--edge:#d0d7de;--bad:#b3261e;--good:#1a6b3c;--wait:#7a5200}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--faint:#9198a1;--edge:#30363d;--bad:#ff7b72;--good:#56d364;--wait:#e3b341}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.3rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}h1,h2,dd,li,p,.text{overflow-wrap:anywhere}
.verdict{font-size:1.1rem;font-weight:600;margin:0;padding:.6rem .8rem;border:2px solid;border-radius:.4rem}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}.faint{color:var(--faint)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}dt{color:var(--faint)}dd{margin:0}
figure{margin:.5rem 0}.mesh{display:block;width:100%;max-height:36rem}
.scroll{overflow-x:auto}.scroll:focus-visible,a:focus-visible{outline:2px solid;outline-offset:2px}
table{border-collapse:collapse;width:100%}caption{text-align:left;color:var(--faint)}
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--edge)}
th,td{overflow-wrap:break-word}thead th,.short{white-space:nowrap}.field{display:inline-block;max-width:100%;margin-right:.8rem}
tbody th{font-weight:400}th,td,dd{font-variant-numeric:tabular-nums}a{color:inherit}
footer{margin-top:2rem;color:var(--faint)}
@media(max-width:48rem){dl{grid-template-columns:1fr}dt{margin-top:.4rem}thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,th,td{display:block;border:0;padding:0}tr{padding:.5rem 0;border-bottom:1px solid var(--edge)}td:empty{display:none}
td[data-label]::before{content:attr(data-label) ": ";color:var(--faint)}tbody th{font-weight:600}}
)";

std::string element(const std::string& name, const std::string& markup, const std::string& attributes = {}) {
  return "<" + name + attributes + ">" + markup + "</" + name + ">";
}

std::string section(const std::string& id, const std::string& heading, const std::string& markup) {
  return "<section aria-labelledby=\"" + id + "\">\n<h2 id=\"" + id + "\">" + heading + "</h2>\n" + markup +
         "</section>\n";
}

std::string entry(const std::string& term, const std::string& text) {
  return element("dt", term) + element("dd", markup_text(text)) + "\n";
}

std::string with_reason(const std::string& text, const std::string& reason) {
  return text + (reason.empty() ? "" : ": " + reason);
}

std::string own_parts(const Report& report) {
  std::string text = "<dl>\n";
  for (const auto& target : report.targets) {
    text += entry("BEAM", with_reason(target.node + " " + target.state + " for " + for_people(target.since),
                                      target.reason));
  }
  if (report.targets.empty()) {
    text += entry("BEAM", no_target(report));
  }
  text += entry("C-node", name_of_cnode(report));
  text += entry("epmd", report.registration);
  text += entry("Own container", report.own_container);
  const auto& metadata = report.metadata;
  text += entry("Metadata", metadata.url.empty() ? "no answer yet" : metadata.url);
  text += entry("Last authoritative answer", authoritative_answer(metadata));
  if (!metadata.last_failure.empty()) {
    text += entry("Last failure", for_people(metadata.last_failed) + " ago: " + metadata.last_failure);
  }
  if (metadata.services.size() > 1) {
    for (const auto& service : metadata.services) {
      text +=
          entry("Service",
                service.path + ", authoritative answer " +
                    (service.last_authoritative ? for_people(service.last_authoritative) + " ago" : "never"));
    }
  }
  text += entry("Running", version_of(report) + " for " + for_people(report.uptime));
  return text + "</dl>\n";
}

/// Of printable texts.
std::string list_of(const std::vector<std::string>& texts) {
  std::string items;
  for (const auto& text : texts) {
    items += element("li", escaped(text)) + "\n";
  }
  return texts.empty() ? "" : "<ul>\n" + items + "</ul>\n";
}

std::vector<std::string> faults(const Mesh& mesh, const MeshFindings& findings) {
  std::vector<std::string> texts;
  for (const auto& hole : findings.holes) {
    if (texts.size() == most_named_holes) {
      texts.push_back("and " + std::to_string(findings.holes.size() - most_named_holes) + " others");
      break;
    }
    texts.push_back(in_words(mesh, hole));
  }
  for (const std::size_t member : findings.unanswered) {
    texts.push_back(without_answer(mesh, member));
  }
  return texts;
}

std::string groups(const Mesh& mesh, const MeshFindings& findings) {
  if (findings.groups.size() < 2 && !findings.more_groups) {
    return {};
  }
  std::vector<std::string> texts;
  texts.reserve(findings.groups.size());
  for (const auto& group : findings.groups) {
    texts.push_back(group_in(mesh, group));
  }
  if (findings.more_groups) {
    texts.emplace_back("and more groups");
  }
  const std::string overlap = findings.overlap.empty()
                                  ? "They have no member in common."
                                  : "In several of them: " + escaped(group_in(mesh, findings.overlap)) + ".";
  return element("p", "Groups whose members are all connected to one another. " + overlap) + "\n" +
         list_of(texts);
}

/// "HOLES, 2 of 3 connections" without its first word.
std::string after_word(const std::string& words) { return words.substr(words.find(", ") + 2); }

std::string mesh_part(const std::optional<Mesh>& mesh) {
  if (!mesh) {
    return element("p", "The members have not been asked yet.") + "\n";
  }
  const MeshFindings findings = examine(*mesh);
  const std::string counts = escaped(after_word(in_words(*mesh, findings)));
  if (findings.kind == MeshFindings::Kind::not_driving) {
    return element("p", "Nobody could be asked: " + counts + ".") + "\n";
  }
  const std::string asked = counts + ". What each member reports, asked by way of " + markup_text(mesh->via) +
                            " " + for_people(mesh->age) + " ago.";
  return "<figure>\n" + as_svg(*mesh) + element("figcaption", asked, " class=\"faint\"") + "\n</figure>\n" +
         list_of(faults(*mesh, findings)) + groups(*mesh, findings);
}

std::string cell_of(const std::string& label, const std::string& markup, const std::string& attributes = {}) {
  return element("td", markup, R"( role="cell" data-label=")" + label + "\"" + attributes);
}

std::string cell(const std::string& label, const std::string& text, const std::string& kind = {}) {
  return cell_of(label, text.empty() ? "" : element("span", markup_text(text), kind));
}

constexpr const char* short_text = " class=\"short\"";
constexpr const char* long_text = " class=\"text\"";

std::string kind_of(const Report::Peer& peer) {
  return peer.state == "connected" ? " class=\"good\""
         : peer.state == "waiting" ? " class=\"bad\""
                                   : " class=\"wait\"";
}

std::string row(const Report& report, const Report::Peer& peer, const std::string& state,
                const std::string& next) {
  return "<tr role=\"row\">" +
         element("th", markup_text(name_of(report, peer)), R"( role="rowheader" scope="row")") +
         cell("State", state, kind_of(peer)) + cell("Since", for_people(peer.since), short_text) +
         cell("Why", peer.reason, long_text) + cell("Next", next) + "</tr>\n";
}

/// In a region that can be scrolled by keyboard. The roles are repeated, because a phone shows the rows as
/// blocks, which would cost them in some browsers.
std::string table(const std::string& label, const std::vector<std::string>& heads, const std::string& rows) {
  std::string head;
  for (const auto& each : heads) {
    head += element("th", each, R"( role="columnheader" scope="col")");
  }
  return R"(<div class="scroll" role="region" aria-labelledby=")" + label +
         "\" tabindex=\"0\">\n<table role=\"table\">\n<thead role=\"rowgroup\"><tr role=\"row\">" + head +
         "</tr></thead>\n<tbody role=\"rowgroup\">\n" + rows + "</tbody>\n</table>\n</div>\n";
}

std::string peers_part(const Report& report) {
  std::string rows;
  for (const auto& peer : report.peers) {
    rows += row(report, peer, peer.state, next_step(peer));
  }
  for (const auto& departed : report.departed) {
    rows += row(report, departed, "departed", "disconnects itself");
  }
  return rows.empty() ? element("p", "There are none.") + "\n"
                      : table("peers", {"Peer", "State", "Since", "Why", "Next"}, rows);
}

std::string details_of(const LoggedEvent& event) {
  std::string markup =
      event.message.empty() ? "" : element("span", markup_text(event.message), " class=\"field\"");
  for (const auto& field : event.fields) {
    markup +=
        (markup.empty() ? "" : " ") +
        element("span",
                element("span", markup_text(field.key), " class=\"faint\"") + " " + markup_text(field.text()),
                " class=\"field\"");
  }
  return markup;
}

std::string events_part(const std::vector<LoggedEvent>& events) {
  std::string rows;
  for (const auto& event : events) {
    rows += "<tr role=\"row\">" +
            element("th", timestamp(event.time), R"( role="rowheader" scope="row" class="short")") +
            cell("Level", std::string(to_string(event.level)), short_text) + cell("Event", event.event) +
            cell_of("Details", details_of(event), long_text) + "</tr>\n";
  }
  return table("events", {"Time", "Level", "Event", "Details"}, rows);
}

/// The verdict of the page, in its head and in the tab of the browser.
struct Head {
  std::string words;
  const char* kind;  ///< a class of the style
};

/// By what the picture below shows, where our own BEAM misses nobody.
Head head_on(const Mesh& mesh) {
  constexpr std::chrono::minutes old{1};
  const MeshFindings findings = examine(mesh);
  return {.words = in_words(mesh, findings) + (mesh.age < old ? "" : ", " + for_people(mesh.age) + " ago"),
          .kind = findings.kind == MeshFindings::Kind::whole         ? "good"
                  : findings.kind == MeshFindings::Kind::unconfirmed ? "wait"
                                                                     : "bad"};
}

/// `WHOLE` only by the mesh: one BEAM cannot see what is missing between others.
Head head_on(const PageContent& content) {
  const Verdict verdict = verdict_on(content.report);
  if (verdict.kind != Verdict::Kind::whole) {
    const std::string words = in_words(verdict);
    return {.words = words.substr(0, words.find(',')) + ", " + shortfall(content.report), .kind = "bad"};
  }
  return content.mesh ? head_on(*content.mesh)
                      : Head{.words = "UNCONFIRMED, the members have not been asked yet", .kind = "wait"};
}

std::string own_line(const Report& report) {
  const Verdict verdict = verdict_on(report);
  if (verdict.kind == Verdict::Kind::not_driving) {
    return {};
  }
  const std::string subject = report.targets.size() == 1 ? "This BEAM is" : "The BEAMs here are";
  return element("p", subject + " connected to " + std::to_string(verdict.connected) + " of " +
                          std::to_string(verdict.connected + verdict.missing) + " dialable peers" +
                          (verdict.held == 0 ? "" : ", " + std::to_string(verdict.held) + " held") + ".") +
         "\n";
}

std::string refreshing(std::chrono::seconds every) {
  if (every.count() == 0) {
    return R"(<p>This page does not reload. <a href="/">Reload regularly</a>.</p>)";
  }
  return "<p>This page reloads every " + std::to_string(every.count()) + " s. <a href=\"" +
         std::string(still_page) + "\">Stop reloading</a>.</p>";
}

}  // namespace

std::chrono::seconds refresh_after(const std::optional<Mesh>& mesh) {
  constexpr std::chrono::seconds regular{10};
  constexpr std::chrono::seconds soon{2};
  return mesh && mesh->age < 3 * regular ? regular : soon;
}

std::string as_page(const PageContent& content) {
  const Report& report = content.report;
  const Head head = head_on(content);
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "base-uri 'none'; form-action 'none'\">\n";
  if (content.refresh.count() > 0) {
    text += R"(<meta http-equiv="refresh" content=")" + std::to_string(content.refresh.count()) + "\">\n";
  }
  text +=
      element("title", escaped(head.words.substr(0, head.words.find(',')) + " - " + name_of_cnode(report))) +
      "\n" + element("style", std::string(page_style)) + "\n</head>\n<body>\n";
  text +=
      "<header>\n" +
      element("h1", "Cluster of " + (report.targets.empty() ? escaped("the C-node, " + name_of_cnode(report))
                                                            : markup_text(report.targets.front().node))) +
      "\n" + element("p", escaped(head.words), R"( class="verdict )" + std::string(head.kind) + "\"") + "\n" +
      own_line(report) + "</header>\n<main>\n";
  text += section("mesh", "Mesh", mesh_part(content.mesh));
  text += section("peers", "Peers", peers_part(report));
  text += content.events.empty() ? "" : section("events", "Recent events", events_part(content.events));
  text += section("container", "This container", own_parts(report));
  return text + "</main>\n<footer>\n" + refreshing(content.refresh) + "\n</footer>\n</body>\n</html>\n";
}

}  // namespace rancher_cnode::status
