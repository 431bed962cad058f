#include "rancher_cnode/status/report.hpp"

#include <limits>
#include <utility>

#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::status {
namespace {

/// Reads the fields of one map; remembers the first that is not as the schema has it.
class Fields {
 public:
  Fields(const Value& map, std::string path, std::string& wrong)
      : map_(map), path_(std::move(path)), wrong_(wrong) {
    if (map.kind != Value::Kind::map) {
      note(path_.empty() ? "it is not a map" : path_ + " is not a map");
    }
  }

  std::string atom(std::string_view key) { return text_of(key, Value::Kind::atom, Presence::required); }
  std::string text(std::string_view key) { return text_of(key, Value::Kind::text, Presence::required); }
  /// Empty if undefined; so below.
  std::string atom_if(std::string_view key) { return text_of(key, Value::Kind::atom, Presence::optional); }
  std::string text_if(std::string_view key) { return text_of(key, Value::Kind::text, Presence::optional); }

  /// Empty also if an earlier version has no such field.
  std::string text_if_known(std::string_view key) {
    return map_.find(key) == nullptr ? std::string() : text_if(key);
  }

  std::uint64_t number(std::string_view key) {
    const auto read = number_if(key);
    if (!read) {
      wrong(key);
    }
    return static_cast<std::uint64_t>(read.value_or(0));
  }
  std::optional<Milliseconds> ms_if(std::string_view key) {
    const auto read = number_if(key);
    return read ? std::optional(Milliseconds(*read)) : std::nullopt;
  }
  bool flag(std::string_view key) {
    const Value* const value = map_.find(key);
    const bool yes = value != nullptr && value->is_atom("true");
    if (!yes && (value == nullptr || !value->is_atom("false"))) {
      wrong(key);
    }
    return yes;
  }
  const std::vector<Value>& list(std::string_view key) {
    static const std::vector<Value> none;
    const Value* const value = of_kind(key, Value::Kind::list);
    return value == nullptr ? none : value->items;
  }
  [[nodiscard]] bool has(std::string_view key) const { return map_.find(key) != nullptr; }
  [[nodiscard]] Fields of(const Value& item, std::string_view key) const {
    return {item, path_of(key), wrong_};
  }
  Fields map(std::string_view key) {
    static const Value none = [] {
      Value value;
      value.kind = Value::Kind::map;
      return value;
    }();
    const Value* const value = of_kind(key, Value::Kind::map);
    return {value == nullptr ? none : *value, path_of(key), wrong_};
  }

 private:
  enum class Presence { required, optional };

  /// Nothing, and noted, if it is another kind or is missing.
  const Value* of_kind(std::string_view key, Value::Kind kind) {
    const Value* const value = map_.find(key);
    if (value == nullptr || value->kind != kind) {
      wrong(key);
      return nullptr;
    }
    return value;
  }
  bool is_undefined(std::string_view key) const {
    const Value* const value = map_.find(key);
    return value != nullptr && value->is_atom("undefined");
  }
  std::string text_of(std::string_view key, Value::Kind kind, Presence presence) {
    if (presence == Presence::optional && is_undefined(key)) {
      return {};
    }
    const Value* const value = of_kind(key, kind);
    return value == nullptr ? std::string() : value->text;
  }
  std::optional<std::int64_t> number_if(std::string_view key) {
    if (is_undefined(key)) {
      return std::nullopt;
    }
    const Value* const value = of_kind(key, Value::Kind::integer);
    // Beyond that they would not fit into a duration of the clock.
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1'000'000;
    if (value != nullptr && (value->integer < 0 || value->integer > most)) {
      wrong(key);
      return std::nullopt;
    }
    return value == nullptr ? std::nullopt : std::optional(value->integer);
  }

  std::string path_of(std::string_view key) const {
    return path_ + (path_.empty() ? "" : ".") + std::string(key);
  }
  void wrong(std::string_view key) {
    note(path_of(key) + (map_.find(key) == nullptr ? " is missing" : " is not as in the schema"));
  }
  void note(std::string what) {
    if (wrong_.empty()) {
      wrong_ = std::move(what);
    }
  }

  const Value& map_;
  std::string path_;
  std::string& wrong_;
};

Report::Target target_of(Fields fields) {
  Report::Target target;
  target.node = fields.atom("node");
  target.state = fields.atom("state");
  target.reason = fields.text_if("reason");
  target.since = fields.ms_if("since_ms_ago");
  target.connected = fields.number("connected");
  return target;
}

Report::Peer departed_of(Fields& fields) {
  Report::Peer peer;
  peer.node = fields.atom("node");
  peer.target = fields.atom("target");
  peer.state = fields.atom("state");
  peer.reason = fields.text_if("reason");
  peer.since = fields.ms_if("since_ms_ago");
  return peer;
}

Report::Peer peer_of(Fields& fields) {
  Report::Peer peer = departed_of(fields);
  peer.service = fields.text_if_known("service");
  peer.dialable = fields.flag("dialable");
  peer.attempts = fields.number("attempts");
  peer.next_attempt = fields.ms_if("next_attempt_in_ms");
  return peer;
}

Report::Service service_of(Fields fields) {
  Report::Service service;
  service.path = fields.text("path");
  service.own_container = fields.atom("own_container");
  service.last_authoritative = fields.ms_if("last_authoritative_ms_ago");
  service.last_failure = fields.text_if("last_failure");
  return service;
}

Report::Metadata metadata_of(Fields fields) {
  Report::Metadata metadata;
  metadata.url = fields.text_if("url");
  metadata.version = fields.text_if("version");
  metadata.last_answer = fields.ms_if("last_answer_ms_ago");
  metadata.last_authoritative = fields.ms_if("last_authoritative_ms_ago");
  metadata.last_failure = fields.text_if("last_failure");
  metadata.last_failed = fields.ms_if("last_failure_ms_ago");
  if (fields.has("services")) {
    for (const Value& item : fields.list("services")) {
      metadata.services.push_back(service_of(fields.of(item, "services[]")));
    }
  }
  return metadata;
}

}  // namespace

Expected<Report> Report::read(std::span<const char> term) {
  const auto bad = [&](const std::string& why) {
    return failure(ErrorCode::malformed,
                   "the answer is not a status: " + why + ": " + distribution::printed(term));
  };
  auto value = Value::read(term);
  if (!value) {
    return bad(value.error().message);
  }
  Report report;
  report.value = *std::move(value);
  std::string wrong;
  Fields fields(report.value, "", wrong);
  report.node = fields.atom_if("node");
  report.awaits = fields.text_if_known("awaits");
  report.version = fields.text("version");
  report.build = fields.text_if_known("build");
  report.uptime = fields.ms_if("uptime_ms").value_or(Milliseconds(0));
  report.registration = fields.atom("registration");
  report.own_container = fields.atom("own_container");
  if (fields.has("settings")) {
    for (const Value& item : fields.list("settings")) {
      Fields setting(item, "settings[]", wrong);
      report.settings.push_back({setting.text("name"), setting.text_if("value")});
    }
  }
  report.metadata = metadata_of(fields.map("metadata"));
  for (const Value& item : fields.list("targets")) {
    report.targets.push_back(target_of(Fields(item, "targets[]", wrong)));
  }
  for (const Value& item : fields.list("peers")) {
    Fields peer(item, "peers[]", wrong);
    report.peers.push_back(peer_of(peer));
  }
  for (const Value& item : fields.list("departed")) {
    Fields peer(item, "departed[]", wrong);
    report.departed.push_back(departed_of(peer));
  }
  return wrong.empty() ? Expected<Report>(std::move(report)) : bad(wrong);
}

}  // namespace rancher_cnode::status
