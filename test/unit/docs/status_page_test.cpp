// docs/status.md against the term that a caller gets.
#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <set>
#include <string>

#include "pages.hpp"
#include "status/snapshot_term.hpp"

using namespace rancher_cnode;
using distribution::TermReader;
using distribution::TermType;

namespace {

NodeName node(const char* name) { return *NodeName::parse(name); }

/// Nothing of it is undefined.
status::Snapshot snapshot() {
  const TimePoint then{};
  status::TargetSnapshot target{
      .node = node("myapp@10.42.0.1"),
      .reason = "no answer",
      .stage = "epmd",
      .since = then,
      .peers = {{.node = node("myapp@10.42.0.2"),
                 .reason = "refused",
                 .since = then,
                 .attempts = 1,
                 .next_try = then,
                 .last_error = "refused",
                 .last_failed = then}},
      .departed = {{.node = node("myapp@10.42.0.3"), .reason = "not yet", .since = then}},
      .counters = {}};
  status::Snapshot snapshot{.now = then,
                            .started = then,
                            .node = node("rancher_cnode@10.42.0.1"),
                            .awaits = "a BEAM",
                            .program_version = "1.2.3",
                            .program_build = "release-gcc",
                            .node_counters = {},
                            .settings = {{"service", "self/service"}},
                            .metadata = {.url = "http://m", .version = "v1", .view = {}},
                            .member_views = {},
                            .targets = {target}};
  auto& view = snapshot.metadata.view;
  view.last_answer = view.last_authoritative = view.last_failed = then;
  view.last_failure = "404";
  snapshot.durations.add(reconciler::DialOutcome::connected, Milliseconds(1));
  view.mass_removal_guard = {.missing = 1, .known = 1, .since = then};
  snapshot.metadata.services = {{"self/service", view}};
  snapshot.member_views = {
      {.node = node("myapp@10.42.0.2"), .reason = {}, .since = then, .service = "self/service"}};
  return snapshot;
}

std::string type_of(TermReader reader) {
  switch (*reader.peek()) {
    case TermType::atom:
      return reader.accept_atom("true") || reader.accept_atom("false") ? "boolean" : "atom";
    case TermType::integer:
      return "integer";
    case TermType::binary:
      return "binary";
    case TermType::map:
      return "map";
    case TermType::list:
      return "list";
    default:
      return "another type";
  }
}

/// The type of each field by its path: metadata.url, targets[].counters.dials.
void collect(TermReader& reader, const std::string& path, std::map<std::string, std::string>& types) {
  if (*reader.peek() == TermType::map) {
    const auto pairs = *reader.map();
    for (std::uint32_t i = 0; i < pairs; ++i) {
      const std::string field = path + (path.empty() ? "" : ".") + *reader.atom();
      const auto type = type_of(reader);
      CAPTURE(field);
      CHECK(types.emplace(field, type).first->second == type);
      collect(reader, field, types);
    }
  } else if (*reader.peek() == TermType::list) {
    const auto length = *reader.list();
    REQUIRE(length >= 1);
    for (std::uint32_t i = 0; i < length; ++i) {
      collect(reader, path + "[]", types);
    }
    REQUIRE(reader.nil());
  } else {
    REQUIRE(reader.skip());
  }
}

std::map<std::string, std::string> types_in_term() {
  const auto term = status::status_term(snapshot());
  TermReader reader(term);
  std::map<std::string, std::string> types;
  collect(reader, "", types);
  return types;
}

std::vector<pages::Row> fields_on_page() {
  auto rows = pages::rows_of(pages::page("status.md"));
  std::erase_if(rows, [](const pages::Row& row) {
    return row.heading == "Requests" || row.heading == "Command" || row.heading == "HTTP" ||
           row.heading.starts_with("Mesh");
  });
  return rows;
}

std::string field_of(const pages::Row& row) {
  const auto codes = pages::codes_in(row.cells.front());
  REQUIRE(codes.size() == 1);
  return *codes.begin();
}

/// The words in the meaning of a field.
std::set<std::string> words_on_page(const std::string& field) {
  for (const auto& row : fields_on_page()) {
    if (field_of(row) == field) {
      return pages::codes_in(row.cells[2]);
    }
  }
  FAIL("the page has no " << field);
  return {};
}

template <class State>
std::set<std::string> words_of(std::initializer_list<State> states) {
  std::set<std::string> words;
  for (const auto state : states) {
    words.insert(std::string(to_string(state)));
  }
  return words;
}

template <class State>
void check_words(const std::string& field, std::initializer_list<State> states) {
  CAPTURE(field);
  CHECK(pages::missing(words_of(states), words_on_page(field)) == "");
  CHECK(pages::missing(words_on_page(field), words_of(states)) == "");
}

}  // namespace

TEST_CASE("the page of the status has every field of the term, with its type, and no other") {
  const auto in_term = types_in_term();
  std::set<std::string> on_page;
  for (const auto& row : fields_on_page()) {
    const std::string field = field_of(row);
    CAPTURE(field);
    on_page.insert(field);
    const auto found = in_term.find(field);
    CHECK(found != in_term.end());
    if (found != in_term.end()) {
      CHECK(row.cells[1] == found->second);
    }
  }
  std::set<std::string> fields;
  for (const auto& [field, type] : in_term) {
    fields.insert(field);
  }
  CHECK(pages::missing(fields, on_page) == "");
}

TEST_CASE("the page of the status has every state, and no other") {
  using distribution::RegistrationState;
  using membership::OwnMembership;
  using reconciler::DepartedState;
  using reconciler::PeerState;
  using State = status::TargetSnapshot::State;
  check_words("registration",
              {RegistrationState::unavailable, RegistrationState::name_taken, RegistrationState::registered,
               RegistrationState::lost, RegistrationState::not_used});
  check_words("own_container", {OwnMembership::unknown, OwnMembership::listed, OwnMembership::missing,
                                OwnMembership::removed});
  check_words("targets[].state", {State::awaited, State::connected, State::unresponsive});
  check_words("peers[].state", {PeerState::connected, PeerState::held, PeerState::queued, PeerState::probing,
                                PeerState::inspecting, PeerState::dialling, PeerState::waiting});
  using reconciler::DialOutcome;
  using reconciler::ProbeOutcome;
  auto results = words_of({ProbeOutcome::found, ProbeOutcome::no_answer, ProbeOutcome::refused,
                           ProbeOutcome::not_registered, ProbeOutcome::no_epmd});
  results.merge(words_of({DialOutcome::connected, DialOutcome::refused, DialOutcome::silent,
                          DialOutcome::not_alive, DialOutcome::no_reply}));
  CHECK(words_on_page("durations[].result") == results);
  check_words("departed[].state",
              {DepartedState::unknown, DepartedState::connected, DepartedState::disconnecting});
}

TEST_CASE("the page of the status has every request that is answered, and no other") {
  const std::string server = pages::text_of(pages::root() / "c_src" / "status" / "status_server.cpp");
  auto answered = pages::found_in(server, std::regex(R"re(accept_atom\("([a-z_]+)"\))re"));
  // A timeout, and requests of sys.
  for (const auto* other : {"infinity", "get_state", "get_status"}) {
    answered.erase(other);
  }
  std::set<std::string> on_page;
  for (const auto& row : pages::rows_of(pages::page("status.md"))) {
    if (row.heading == "Requests") {
      on_page.merge(pages::found_in(row.cells.front(), std::regex("`\\{?([a-z_]+)")));
    }
  }
  CHECK(pages::missing(answered, on_page) == "");
  CHECK(pages::missing(on_page, answered) == "");
}
