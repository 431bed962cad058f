// The page as a parser of HTML reads it, and as a browser does.
#include "rancher_cnode/status/page.hpp"

#include <doctest/doctest.h>

#include "meshes.hpp"
#include "reports.hpp"
#include "support/unit/output_of.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::status;
using namespace rancher_cnode::status::test;

namespace {

using TimeOfLog = std::chrono::system_clock::time_point;

constexpr const char* script = R"(<script>document.title = "run"</script>)";

PageContent content() {
  auto snapshot = snapshot_with({connected_peer("myapp@10.42.0.12"), waiting_peer("myapp@10.42.0.13")}, 1);
  PageContent content{.report = report_of(snapshot), .mesh = whole_mesh(3), .events = {}};
  cut(*content.mesh, 0, 2);
  content.events = {{.time = TimeOfLog(Milliseconds(1'001)),
                     .level = LogLevel::warning,
                     .event = "peer_lost",
                     .message = "no node \"myapp\" answers",
                     .fields = {{"peer", "myapp@10.42.0.13"}, {"took_ms", 12}, {"will_retry", true}}}};
  return content;
}

PageContent whole() {
  PageContent content{.report = report_of(snapshot_with({connected_peer("myapp@10.42.0.12")}, 1)),
                      .mesh = whole_mesh(2),
                      .events = {}};
  return content;
}

/// Everything that somebody else may have written.
PageContent hostile_page() {
  PageContent page = content();
  page.report.node = page.report.version = page.report.build = page.report.registration =
      page.report.own_container = script;
  page.report.metadata.url = page.report.metadata.last_failure = script;
  page.report.targets[0].node = page.report.targets[0].reason = script;
  page.report.targets.push_back(page.report.targets[0]);
  for (auto& peer : page.report.peers) {
    peer.node = peer.target = peer.state = peer.reason = script;
  }
  page.report.departed = page.report.peers;
  page.mesh->via = script;
  for (auto& member : page.mesh->members) {
    member.node = script;
  }
  silence(*page.mesh, 1);
  page.mesh->members[1].reason = script;
  page.events = {
      {.event = script, .message = "\"'><img src=x onerror=alert(1)>\x1b[31m", .fields = {{script, script}}}};
  return page;
}

/// What the page consists of, one line each: elements by their nesting, with attributes, and their texts.
/// Fails for an element that is not closed.
std::string parsed(const std::string& html) {
  const TemporaryDirectory folder;
  return test_support::output_of("python3 " + folder.file("script.py", R"(
import html.parser, sys
class Parser(html.parser.HTMLParser):
    open = []
    def handle_starttag(self, tag, attrs):
        print(tag, ' '.join('%s=%s' % each for each in attrs))
        if tag not in ('meta',): self.open.append(tag)
    def handle_startendtag(self, tag, attrs):
        print(tag, ' '.join('%s=%s' % each for each in attrs))
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
    def handle_data(self, data):
        if data.strip() and self.open[-1] != 'style': print('"' + data.strip() + '"')
parser = Parser()
parser.feed(open(sys.argv[1]).read())
parser.close()
assert parser.open == [], parser.open
)") + " " + folder.file("page.html", html) +
                                 " 2>&1");
}

}  // namespace

TEST_CASE("the page is one document with landmarks, headings and the verdict in words") {
  const auto page = parsed(as_page(content()));
  CHECK(as_page(content()).starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  for (
      const auto* part :
      {"\nheader \nh1 \n\"Cluster of myapp@10.42.0.1\"\np class=verdict bad\n\"INCOMPLETE, missing "
       "myapp@10.42.0.13: the peer's epmd does not answer\"\np \n\"This BEAM is connected to 1 of 2 dialable "
       "peers.\"\nmain \n",
       "section aria-labelledby=mesh\nh2 id=mesh\n\"Mesh\"\nfigure \nsvg ",
       "figcaption class=faint\n\"2 of 3 connections between 3 members, 1 missing. What each member reports, "
       "asked by way of myapp@10.42.0.11 1 s ago.\"\n",
       "section aria-labelledby=peers\nh2 id=peers\n\"Peers\"\n",
       "section aria-labelledby=events\nh2 id=events\n\"Recent events\"\n",
       "section aria-labelledby=container\nh2 id=container\n\"This container\"\ndl \ndt \n\"BEAM\"\n",
       "\nfooter "}) {
    CAPTURE(part);
    CHECK(has(page, part));
  }
}

TEST_CASE("the peers are a table with headers, a row each, and the state in words") {
  const auto page = parsed(as_page(content()));
  CHECK(has(page, "th role=columnheader scope=col\n\"Why\"\n"));
  CHECK(has(
      page,
      "tr role=row\nth role=rowheader scope=row\n\"myapp@10.42.0.13\"\ntd role=cell data-label=State\nspan "
      "class=bad\n\"waiting\"\ntd role=cell data-label=Since\nspan class=short\n\"3 s\"\ntd role=cell "
      "data-label=Why\nspan class=text"
      "\n\"the peer's epmd does not answer\"\ntd role=cell data-label=Next\nspan \n\"attempt 4 in 2 s\"\n"));
}

TEST_CASE("an event is its time, its level, its name, its message and its fields, as they are") {
  const auto page = parsed(as_page(content()));
  CHECK(
      has(page,
          "tr role=row\nth role=rowheader scope=row class=short\n\"1970-01-01T00:00:01.001Z\"\ntd role=cell "
          "data-label=Level\nspan class=short\n\"warning\"\ntd role=cell data-label=Event\nspan "
          "\n\"peer_lost\"\n"
          "td role=cell data-label=Details class=text\nspan class=field\n\"no node \"myapp\" answers\"\n"
          "span class=field\nspan class=faint\n\"peer\"\n\"myapp@10.42.0.13\"\n"
          "span class=field\nspan class=faint\n\"took_ms\"\n\"12\"\n"
          "span class=field\nspan class=faint\n\"will_retry\"\n\"true\"\n"));
}

TEST_CASE("a reason that quotes something is shown as it is, and only once escaped for HTML") {
  PageContent page = content();
  page.report.peers[1].reason = page.report.metadata.last_failure = "no node \"a&b\" here\x07";
  CHECK(has(as_page(page), ">no node &quot;a&amp;b&quot; here\\u0007<"));
  CHECK(has(parsed(as_page(page)), ", missing myapp@10.42.0.13: no node \"a&b\" here\\u0007\"\n"));
}

TEST_CASE("a whole cluster is good, and has no list of faults and no events") {
  const auto page = parsed(as_page(whole()));
  CHECK(has(page, "title \n\"WHOLE - remsh-rancher_cnode@10.42.0.1\"\n"));
  CHECK(has(page,
            "p class=verdict good\n\"WHOLE, 1 of 1 connection between 2 members\"\np \n\"This BEAM is "
            "connected to 1 of 1 dialable peers.\"\nmain \n"));
  CHECK_FALSE(has(page, "\nul "));
  CHECK_FALSE(has(page, "events"));
}

TEST_CASE("the page has one verdict, and its title the same") {
  struct Example {
    const char* what;
    void (*change)(PageContent&);
    const char* title;
    const char* verdict;
  };
  constexpr auto forget = [](PageContent& page) { page.mesh.reset(); };
  for (const Example& each : {
           Example{"whole", [](PageContent&) {}, "WHOLE",
                   "good\n\"WHOLE, 3 of 3 connections between 3 members\""},
           Example{"a hole between others", [](PageContent& page) { cut(*page.mesh, 1, 2); }, "HOLES",
                   "bad\n\"HOLES, 2 of 3 connections between 3 members, 1 missing\""},
           Example{"a member that does not answer", [](PageContent& page) { silence(*page.mesh, 1); },
                   "UNCONFIRMED",
                   "wait\n\"UNCONFIRMED, 3 of 3 connections between 3 members; 1 member has not answered\""},
           Example{"not asked", forget, "UNCONFIRMED",
                   "wait\n\"UNCONFIRMED, the members have not been asked yet\""},
           Example{"asked long ago", [](PageContent& page) { page.mesh->age = std::chrono::minutes(90); },
                   "WHOLE", "good\n\"WHOLE, 3 of 3 connections between 3 members, 1 h 30 min ago\""},
           Example{"nobody to ask", [](PageContent& page) { page.mesh = Mesh(); }, "NOT DRIVING",
                   "bad\n\"NOT DRIVING, no BEAM is connected\""},
           Example{"a peer that the own BEAM misses",
                   [](PageContent& page) { page.report = content().report; }, "INCOMPLETE",
                   "bad\n\"INCOMPLETE, missing myapp@10.42.0.13: the peer's epmd does not answer\""},
       }) {
    CAPTURE(each.what);
    PageContent content = whole();
    content.mesh = whole_mesh(3);
    each.change(content);
    const auto page = parsed(as_page(content));
    CHECK(has(page, std::string("title \n\"") + each.title + " - "));
    CHECK(has(page, std::string("p class=verdict ") + each.verdict + "\n"));
    CHECK(page.find("class=verdict ") == page.rfind("class=verdict "));
  }
}

TEST_CASE("the numbers of the own BEAM are its own, and none are shown before it is connected") {
  auto snapshot = snapshot_with({connected_peer("myapp@10.42.0.12")}, 1);
  hold(snapshot, "myapp@10.42.0.14");
  PageContent page = whole();
  page.report = report_of(snapshot);
  CHECK(has(parsed(as_page(page)), "\"This BEAM is connected to 1 of 1 dialable peers, 1 held.\"\n"));
  page.report.targets.push_back(page.report.targets[0]);
  CHECK(has(parsed(as_page(page)), "\"The BEAMs here are connected to 2 of 2 dialable peers, 1 held.\"\n"));
  snapshot.targets.clear();
  page.report = report_of(snapshot);
  const auto unknown = parsed(as_page(page));
  CHECK(has(unknown, "p class=verdict bad\n\"NOT DRIVING, no BEAM is known yet\"\nmain \n"));
}

TEST_CASE("a page without the mesh of now is loaded again soon") {
  PageContent page = whole();
  CHECK(refresh_after(page.mesh) == std::chrono::seconds(10));
  page.mesh->age = std::chrono::minutes(1);
  CHECK(refresh_after(page.mesh) == std::chrono::seconds(2));
  CHECK(refresh_after(std::nullopt) == std::chrono::seconds(2));
}

TEST_CASE("the page reloads itself without a script, unless that is switched off") {
  PageContent page = whole();
  CHECK(has(parsed(as_page(page)), "meta http-equiv=refresh content=10\n"));
  CHECK(has(parsed(as_page(page)), "a href=/still\n"));
  page.refresh = std::chrono::seconds(0);
  CHECK_FALSE(has(parsed(as_page(page)), "refresh"));
}

TEST_CASE("the page needs no other resource, and its policy forbids all and scripts") {
  const auto page = as_page(content());
  for (const auto* reference : {"src=", "url(h", "<link", "<script", "@import", "onload"}) {
    CHECK_FALSE(has(page, reference));
  }
  CHECK(has(page, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"));
}

TEST_CASE("foreign text is text wherever it stands") {
  const auto page = as_page(hostile_page());
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "<img"));
  const auto read = parsed(page);
  CHECK_FALSE(has(read, "\nscript "));
  CHECK_FALSE(has(read, "\nimg "));
  CHECK(has(read, "dd \n\"<script>document.title = "));
  CHECK(has(read, "\"\"'><img src=x onerror=alert(1)>\\u001b[31m\"\n"));
}

TEST_CASE("a browser shows the picture and the table, and runs nothing") {
  const TemporaryDirectory folder;
  const auto browse = [&](const PageContent& page) {
    return test_support::output_of(
        "HOME=" + folder.path() + " timeout 60 chromium --headless --no-sandbox --disable-gpu " +
        "--disable-dev-shm-usage --user-data-dir=" + folder.path() + "/profile --dump-dom file://" +
        folder.file("page.html", as_page(page)) + " 2>/dev/null");
  };
  const auto good = browse(content());
  CHECK(has(good, "<circle"));
  CHECK(has(good, "<th role=\"rowheader\" scope=\"row\">myapp@10.42.0.13</th>"));
  const auto bad = browse(hostile_page());
  CHECK_FALSE(has(bad, "<script"));
  CHECK(has(bad, "<title>INCOMPLETE - &lt;script&gt;"));
}
