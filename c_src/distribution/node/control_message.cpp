#include "rancher_cnode/distribution/control_message.hpp"

#include "rancher_cnode/distribution/frame.hpp"

namespace rancher_cnode::distribution {
namespace {

// Operations, named as in the protocol's description.
enum class Operation : std::int64_t {
  link = 1,
  send = 2,
  exit = 3,
  unlink = 4,
  reg_send = 6,
  send_tt = 12,
  exit_tt = 13,
  reg_send_tt = 16,
  monitor_p = 19,
  demonitor_p = 20,
  monitor_p_exit = 21,
  send_sender = 22,
  send_sender_tt = 23,
  unlink_id = 35,
  unlink_id_ack = 36,
};

/// The longest control tuple of the protocol has 7 elements (SPAWN_REQUEST_TT); the rest is for future
/// ones.
constexpr std::uint32_t max_arity = 16;

/// Reads the elements of one control tuple in order and keeps the first failure, so that each message is a
/// plain list of reads.
class Arguments {
 public:
  Arguments(TermReader& reader, std::uint32_t count) : reader_(reader), left_(count) {}

  Pid pid() {
    return take<Pid>([this] { return reader_.pid(); });
  }
  std::string atom() {
    return take<std::string>([this] { return reader_.atom(); });
  }
  Reference reference() {
    return take<Reference>([this] { return reader_.reference(); });
  }
  TermBytes raw() {
    return take<TermBytes>([this] {
      return reader_.skip().map(
          [](std::span<const char> term) { return TermBytes(term.begin(), term.end()); });
    });
  }
  std::variant<Pid, std::string> pid_or_name() {
    const auto type = reader_.peek();
    if (type && *type == TermType::atom) {
      return atom();
    }
    return pid();
  }
  void skip() {
    take<std::span<const char>>([this] { return reader_.skip(); });
  }

  /// Skips the remaining elements (trace tokens, reasons) and returns the first failure, if any.
  Expected<void> finish() {
    while (left_ > 0 && !error_) {
      skip();
    }
    if (error_) {
      return tl::unexpected(*error_);
    }
    return {};
  }

 private:
  template <class T, class Read>
  T take(Read read) {
    if (error_) {
      return T{};
    }
    if (left_ == 0) {
      error_ = Error{ErrorCode::malformed, "a control message has too few elements"};
      return T{};
    }
    --left_;
    auto value = read();
    if (!value) {
      error_ = value.error();
      return T{};
    }
    return std::move(*value);
  }

  TermReader& reader_;
  std::uint32_t left_;
  std::optional<Error> error_;
};

ControlMessage decode_arguments(std::int64_t operation, Arguments& arguments) {
  switch (static_cast<Operation>(operation)) {
    case Operation::send:
    case Operation::send_tt:
    case Operation::send_sender:
    case Operation::send_sender_tt: {
      arguments.skip();  // unused, or the sender
      return control::Send{arguments.pid()};
    }
    case Operation::reg_send:
    case Operation::reg_send_tt: {
      Pid from = arguments.pid();
      arguments.skip();
      return control::RegSend{std::move(from), arguments.atom()};
    }
    case Operation::link: {
      Pid from = arguments.pid();
      return control::Link{std::move(from), arguments.pid()};
    }
    case Operation::unlink: {
      Pid from = arguments.pid();
      return control::Unlink{{}, std::move(from), arguments.pid()};
    }
    case Operation::unlink_id: {
      TermBytes id = arguments.raw();
      Pid from = arguments.pid();
      return control::Unlink{std::move(id), std::move(from), arguments.pid()};
    }
    case Operation::exit:
    case Operation::exit_tt: {
      Pid from = arguments.pid();
      return control::Exit{std::move(from), arguments.pid()};
    }
    case Operation::monitor_p: {
      Pid from = arguments.pid();
      auto to = arguments.pid_or_name();
      return control::Monitor{std::move(from), std::move(to), arguments.reference()};
    }
    case Operation::demonitor_p: {
      Pid from = arguments.pid();
      arguments.skip();
      return control::Demonitor{std::move(from), arguments.reference()};
    }
    case Operation::monitor_p_exit:
    case Operation::unlink_id_ack:
      break;
  }
  return control::Ignored{operation};
}

TermWriter begin(Operation operation, std::size_t arity) {
  TermWriter writer;
  writer.version().tuple(arity).integer(static_cast<std::int64_t>(operation));
  return writer;
}

std::vector<char> frame_with(const TermWriter& control_term, std::span<const char> payload) {
  TermWriter message;
  message.version().raw(payload);
  return pass_through_frame(control_term.bytes(), message.bytes());
}

std::vector<char> frame_of(const TermWriter& control_term) {
  return pass_through_frame(control_term.bytes(), {});
}

}  // namespace

Expected<Message> decode_message(std::span<const char> frame) {
  if (frame.empty() || static_cast<unsigned char>(frame[0]) != pass_through) {
    return failure(ErrorCode::malformed, "a frame does not start with the pass-through byte 112");
  }
  TermReader reader(frame.subspan(1));
  if (auto version = reader.version(); !version) {
    return tl::unexpected(version.error());
  }
  const auto arity = reader.tuple();
  if (!arity) {
    return tl::unexpected(arity.error().within("control message"));
  }
  if (*arity == 0 || *arity > max_arity) {
    return failure(ErrorCode::malformed,
                   "a control message is a tuple of " + std::to_string(*arity) + " elements");
  }
  const auto operation = reader.integer();
  if (!operation) {
    return tl::unexpected(operation.error().within("control message"));
  }
  Arguments arguments(reader, *arity - 1);
  Message message{decode_arguments(*operation, arguments), {}};
  if (auto finished = arguments.finish(); !finished) {
    return tl::unexpected(finished.error().within("control message " + std::to_string(*operation)));
  }
  if (reader.at_end()) {
    return message;
  }
  if (auto version = reader.version(); !version) {
    return tl::unexpected(version.error().within("message"));
  }
  message.payload = reader.rest();
  if (auto whole = reader.skip(); !whole) {
    return tl::unexpected(whole.error().within("message"));
  }
  if (!reader.at_end()) {
    return failure(ErrorCode::malformed, "bytes follow the message");
  }
  return message;
}

std::vector<char> encode_send(const Pid& to, std::span<const char> payload) {
  return frame_with(begin(Operation::send, 3).atom("").pid(to), payload);
}

std::vector<char> encode_reg_send(const Pid& from, std::string_view to, std::span<const char> payload) {
  return frame_with(begin(Operation::reg_send, 4).pid(from).atom("").atom(to), payload);
}

std::vector<char> encode_unlink_id_ack(std::span<const char> id, const Pid& from, const Pid& to) {
  return frame_of(begin(Operation::unlink_id_ack, 4).raw(id).pid(from).pid(to));
}

std::vector<char> encode_exit(const Pid& from, const Pid& to, std::string_view reason) {
  return frame_of(begin(Operation::exit, 4).pid(from).pid(to).atom(reason));
}

std::vector<char> encode_monitor_exit(const std::variant<Pid, std::string>& from, const Pid& to,
                                      const Reference& reference, std::string_view reason) {
  TermWriter writer = begin(Operation::monitor_p_exit, 5);
  if (const auto* name = std::get_if<std::string>(&from)) {
    writer.atom(*name);
  } else {
    writer.pid(std::get<Pid>(from));
  }
  return frame_of(writer.pid(to).reference(reference).atom(reason));
}

}  // namespace rancher_cnode::distribution
