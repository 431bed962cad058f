#include "rancher_cnode/status/events_term.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::status {
using distribution::TermWriter;
using Kind = Value::Kind;

namespace {

using Time = std::chrono::system_clock::time_point;

void write_value(TermWriter& term, const LogField& field) {
  std::visit(
      [&term](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          term.binary(value);
        } else if constexpr (std::is_same_v<T, bool>) {
          term.boolean(value);
        } else {
          term.integer(static_cast<std::int64_t>(value));
        }
      },
      field.value);
}

void write_event(TermWriter& term, const LoggedEvent& event) {
  const auto time = std::chrono::floor<Milliseconds>(event.time).time_since_epoch().count();
  term.map(7).atom("id").integer(static_cast<std::int64_t>(event.id)).atom("time").integer(time);
  term.atom("level").atom(to_string(event.level)).atom("event").atom(event.event);
  term.atom("logged").boolean(event.logged);
  term.atom("message").binary(event.message).atom("fields").map(event.fields.size());
  for (const LogField& field : event.fields) {
    term.atom(field.key);
    write_value(term, field);
  }
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

const Value* field_of(const Value& map, std::string_view key, Kind kind) {
  const Value* const found = map.find(key);
  return found != nullptr && found->kind == kind ? found : nullptr;
}

std::optional<LogLevel> level_of(std::string_view text) {
  for (const auto level : {LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (text == to_string(level)) {
      return level;
    }
  }
  return std::nullopt;
}

std::optional<LogField> read_field(const std::string& key, const Value& value) {
  if (!is_name(key)) {
    return std::nullopt;
  }
  if (value.kind == Kind::text) {
    return LogField(key, value.text);
  }
  if (value.kind == Kind::integer) {
    return LogField(key, value.integer);
  }
  if (value.is_atom("true") || value.is_atom("false")) {
    return LogField(key, value.is_atom("true"));
  }
  return std::nullopt;
}

std::optional<LoggedEvent> read_event(const Value& value) {
  const auto* const id = field_of(value, "id", Kind::integer);
  const auto* const time = field_of(value, "time", Kind::integer);
  const auto* const level = field_of(value, "level", Kind::atom);
  const auto* const name = field_of(value, "event", Kind::atom);
  const auto* const message = field_of(value, "message", Kind::text);
  const auto* const fields = field_of(value, "fields", Kind::map);
  if (id == nullptr || time == nullptr || level == nullptr || name == nullptr || message == nullptr ||
      fields == nullptr) {
    return std::nullopt;
  }
  const auto known_level = level_of(level->text);
  // Up to the year 9999, so that the time has its width.
  if (id->integer < 1 || time->integer < 0 || time->integer > 253'402'300'799'999 || !known_level ||
      !is_name(name->text)) {
    return std::nullopt;
  }
  LoggedEvent event{.id = static_cast<std::uint64_t>(id->integer),
                    .time = Time(Milliseconds(time->integer)),
                    .level = *known_level,
                    .event = name->text,
                    .message = message->text};
  for (std::size_t i = 0; i < fields->keys.size(); ++i) {
    auto field = read_field(fields->keys[i], fields->items[i]);
    if (!field) {
      return std::nullopt;
    }
    event.fields.push_back(*std::move(field));
  }
  return event;
}

}  // namespace

distribution::TermBytes events_term(const Log::Recent& recent) {
  TermWriter term;
  term.map(2).atom("instance").integer(recent.instance).atom("events");
  if (!recent.events.empty()) {
    term.list(recent.events.size());
    for (const LoggedEvent& event : recent.events) {
      write_event(term, event);
    }
  }
  return term.nil().take();
}

distribution::TermBytes event_term(const LoggedEvent& event) {
  TermWriter term;
  write_event(term, event);
  return term.take();
}

Expected<Log::Recent> read_events(std::span<const char> term) {
  const auto value = Value::read(term);
  if (!value) {
    return tl::unexpected<Error>(value.error());
  }
  const auto* const instance = field_of(*value, "instance", Kind::integer);
  const auto* const events = field_of(*value, "events", Kind::list);
  if (instance == nullptr || events == nullptr) {
    return failure(ErrorCode::malformed, "the answer has no events; the C-node may be of another version");
  }
  Log::Recent recent{.instance = instance->integer, .events = {}};
  for (const Value& item : events->items) {
    auto event = read_event(item);
    if (!event) {
      return failure(ErrorCode::malformed, "an event of the answer is not as documented");
    }
    recent.events.push_back(*std::move(event));
  }
  return recent;
}

}  // namespace rancher_cnode::status
