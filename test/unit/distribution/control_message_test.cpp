#include "rancher_cnode/distribution/control_message.hpp"

#include <doctest/doctest.h>

#include "bytes.hpp"

using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
using rancher_cnode::ErrorCode;

namespace {

const Pid remote{"beam@127.0.0.1", 9, 0, 0x6b04a53f};
const Pid local{"cn@127.0.0.1", 1, 0, 9};
const Reference of_monitor{"beam@127.0.0.1", 0x6b04a53f, 3, {0x26ea1, 0x9bec0001, 0x400c4871}};

/// {Operation, ...} as a frame's content, arguments already encoded.
TermBytes frame_with(std::int64_t operation, std::size_t arity, const TermBytes& arguments,
                     const TermBytes& message = {}) {
  TermWriter control;
  control.version().tuple(arity).integer(operation).raw(arguments);
  return join({bytes_of("p"), control.bytes(), message});
}

TermBytes without_length(const std::vector<char>& frame) { return {frame.begin() + 4, frame.end()}; }

template <class Control>
Control decoded(const TermBytes& frame) {
  const auto message = decode_message(frame);
  REQUIRE(message);
  REQUIRE(std::holds_alternative<Control>(message->control));
  return std::get<Control>(message->control);
}

TermBytes pids(const Pid& first, const Pid& second) { return TermWriter().pid(first).pid(second).take(); }

}  // namespace

TEST_CASE("a ping of OTP 25 is a message to net_kernel, its tag an improper list") {
  const auto frame =
      hex("7083680461065877"
          "0e6265616d403132372e302e302e31"
          "0000000900000000"
          "6b04a53f"
          "7700"
          "770a6e65745f6b65726e656c"
          "83"
          "6803"
          "7709"
          "2467656e5f63616c6c"
          "6802"
          "58770e6265616d403132372e302e302e31"
          "00000009000000006b04a53f"
          "6c000000017705616c696173"
          "5a0003770e6265616d403132372e302e302e316b04a53f00026e8c9bed0001400c4871"
          "6802"
          "770769735f61757468"
          "770e6265616d403132372e302e302e31");
  const auto message = decode_message(frame);
  REQUIRE(message);
  const auto* send = std::get_if<control::RegSend>(&message->control);
  REQUIRE(send != nullptr);
  CHECK(send->from == remote);
  CHECK(send->to == "net_kernel");
  CHECK(printed(message->payload) == "{$gen_call,{<beam@127.0.0.1.9>,[alias|...]},{is_auth,beam@127.0.0.1}}");
}

TEST_CASE("every operation that has a meaning is decoded") {
  const auto atom = TermWriter().atom("").take();
  const auto message = hex("83776f");
  const auto body =
      hex("8361"
          "07");
  SUBCASE("LINK") {
    const auto link = decoded<control::Link>(frame_with(1, 3, pids(remote, local)));
    CHECK(link.from == remote);
    CHECK(link.to == local);
  }
  SUBCASE("SEND, and SEND_SENDER with the sender where SEND has nothing") {
    CHECK(decoded<control::Send>(frame_with(2, 3, join({atom, TermWriter().pid(local).take()}), body)).to ==
          local);
    CHECK(decoded<control::Send>(frame_with(22, 3, pids(remote, local), body)).to == local);
  }
  SUBCASE("SEND_TT and SEND_SENDER_TT carry a trace token") {
    const auto token =
        hex("6805610061116101610061"
            "00");
    CHECK(decoded<control::Send>(frame_with(12, 4, join({atom, TermWriter().pid(local).take(), token}), body))
              .to == local);
    CHECK(decoded<control::Send>(frame_with(23, 4, join({pids(remote, local), token}), body)).to == local);
  }
  SUBCASE("REG_SEND and REG_SEND_TT") {
    const auto to = TermWriter().pid(remote).atom("").atom("rancher_cnode").take();
    CHECK(decoded<control::RegSend>(frame_with(6, 4, to, body)).to == "rancher_cnode");
    CHECK(decoded<control::RegSend>(frame_with(16, 5, join({to, hex("6a")}), body)).to == "rancher_cnode");
  }
  SUBCASE("EXIT and its traced form") {
    const auto reason = TermWriter().atom("bye").take();
    CHECK(decoded<control::Exit>(frame_with(3, 4, join({pids(remote, local), reason}))).from == remote);
    CHECK(decoded<control::Exit>(frame_with(13, 5, join({pids(remote, local), hex("6a"), reason}))).to ==
          local);
  }
  SUBCASE("EXIT2 is a mere signal: it is no end of the sender, and asks nothing of us") {
    const auto reason = TermWriter().atom("bye").take();
    CHECK(decoded<control::Ignored>(frame_with(8, 4, join({pids(remote, local), reason}))).operation == 8);
    CHECK(decoded<control::Ignored>(frame_with(18, 5, join({pids(remote, local), hex("6a"), reason})))
              .operation == 18);
  }
  SUBCASE("UNLINK has no id, UNLINK_ID one of up to 64 bits") {
    CHECK(decoded<control::Unlink>(frame_with(4, 3, pids(remote, local))).id.empty());
    const auto id = hex("6e08ffffffffffffffffff");
    CHECK(decoded<control::Unlink>(frame_with(35, 4, join({id, pids(remote, local)}))).id == id);
  }
  SUBCASE("MONITOR_P of a pid and of a name") {
    const auto by_pid = decoded<control::Monitor>(
        frame_with(19, 4, TermWriter().pid(remote).pid(local).reference(of_monitor).take()));
    CHECK(by_pid.from == remote);
    CHECK(std::get<Pid>(by_pid.to) == local);
    CHECK(by_pid.reference == of_monitor);
    const auto by_name = decoded<control::Monitor>(
        frame_with(19, 4, TermWriter().pid(remote).atom("rancher_cnode").reference(of_monitor).take()));
    CHECK(std::get<std::string>(by_name.to) == "rancher_cnode");
  }
  SUBCASE("DEMONITOR_P") {
    CHECK(decoded<control::Demonitor>(
              frame_with(20, 4, TermWriter().pid(remote).atom("rancher_cnode").reference(of_monitor).take()))
              .reference == of_monitor);
  }
}

TEST_CASE("all 256 operations with any arguments are decoded or refused") {
  const TermBytes arguments[] = {{},
                                 TermWriter().atom("x").take(),
                                 pids(remote, local),
                                 TermWriter().integer(1).pid(remote).pid(local).take(),
                                 TermWriter().pid(remote).pid(local).reference(of_monitor).take()};
  const std::size_t counts[] = {0, 1, 2, 3, 3};
  for (std::int64_t operation = 0; operation < 256; ++operation) {
    for (std::size_t i = 0; i < std::size(counts); ++i) {
      CAPTURE(operation);
      CAPTURE(i);
      const auto message = decode_message(frame_with(operation, counts[i] + 1, arguments[i]));
      if (!message) {
        CHECK(message.error().code == ErrorCode::malformed);
      }
    }
  }
}

TEST_CASE("an operation without meaning for us is ignored, its message kept apart") {
  CHECK(decode_message(frame_with(255, 16, repeated("j", 15))));
  for (const std::int64_t operation : {0, 5, 7, 21, 24, 28, 29, 30, 36, 37, 255, 100'000, -1}) {
    CAPTURE(operation);
    CHECK(decoded<control::Ignored>(frame_with(operation, 3, hex("6a6a"), hex("836a"))).operation ==
          operation);
  }
}

TEST_CASE("what breaks the protocol is malformed") {
  const auto good =
      frame_with(2, 3, join({TermWriter().atom("").take(), TermWriter().pid(local).take()}), hex("836a"));
  REQUIRE(decode_message(good));
  for (std::size_t length = 0; length + 2 < good.size(); ++length) {
    CAPTURE(length);
    const TermBytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
    // What is left may be a control message alone.
    const auto message = decode_message(cut);
    if (message) {
      CHECK(message->payload.empty());
    }
  }
  const struct {
    const char* what;
    TermBytes frame;
  } rows[] = {
      {"an empty frame", {}},
      {"another type than pass-through", hex("44836a")},
      {"no version", hex("706803")},
      {"no tuple", hex("70836a")},
      {"an empty tuple", hex("70836800")},
      {"an operation that is no number", hex("708368016a")},
      {"an operation beyond 64 bits", hex("708368016e08000000000000000080")},
      {"a tuple of more than there is", hex("708369ffffffff6102")},
      {"more elements than any operation has", frame_with(255, 17, repeated("j", 16))},
      {"too few arguments", frame_with(2, 2, hex("6a"))},
      {"a message to no pid", frame_with(2, 3, hex("6a6a"), hex("836a"))},
      {"a message to no name",
       frame_with(6, 4, join({TermWriter().pid(remote).take(), hex("6a6a")}), hex("836a"))},
      {"a message without version",
       frame_with(2, 3, join({hex("6a"), TermWriter().pid(local).take()}), hex("6a"))},
      {"a message that is cut off",
       frame_with(2, 3, join({hex("6a"), TermWriter().pid(local).take()}), hex("8368016d"))},
      {"a message that is a version alone",
       frame_with(2, 3, join({hex("6a"), TermWriter().pid(local).take()}), hex("83"))},
      {"bytes after the message",
       frame_with(2, 3, join({hex("6a"), TermWriter().pid(local).take()}), hex("836a6a"))},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const auto message = decode_message(row.frame);
    REQUIRE_FALSE(message);
    CHECK(message.error().code == ErrorCode::malformed);
  }
}

TEST_CASE("a control message is malformed for the first thing that is wrong with it") {
  const struct {
    TermBytes frame;
    const char* reason;
  } rows[] = {
      {join({bytes_of("D"), hex("83"), TermWriter().tuple(3).integer(1).raw(pids(remote, local)).take()}),
       "a frame does not start with the pass-through byte 112"},
      {hex("7083680061ff"), "a control message is a tuple of 0 elements"},
      {frame_with(255, 17, repeated("j", 16)), "a control message is a tuple of 17 elements"},
      {frame_with(2, 2, hex("6a")), "control message 2: a control message has too few elements"},
      {frame_with(19, 4, join({hex("6a"), TermWriter().pid(local).reference(of_monitor).take()})),
       "control message 19: expected a pid"},
      {frame_with(19, 4, TermWriter().pid(remote).atom("status").nil().take()),
       "control message 19: expected a reference"},
      {frame_with(19, 4, join({hex("6a"), TermWriter().atom("status").nil().take()})),
       "control message 19: expected a pid"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.reason);
    const auto message = decode_message(row.frame);
    REQUIRE_FALSE(message);
    CHECK(message.error().message == row.reason);
  }
}

TEST_CASE("what we send is decoded as what we meant") {
  const auto payload = TermWriter().atom("hello").take();
  SUBCASE("a message to a pid") {
    const auto frame = without_length(encode_send(remote, payload));
    CHECK(decoded<control::Send>(frame).to == remote);
    CHECK(TermReader(decode_message(frame)->payload).accept_atom("hello"));
    CHECK(frame == frame_with(2, 3, TermWriter().atom("").pid(remote).take(), join({hex("83"), payload})));
  }
  SUBCASE("a message to a name") {
    CHECK(without_length(encode_reg_send(local, "rex", payload)) ==
          frame_with(6, 4, TermWriter().pid(local).atom("").atom("rex").take(), join({hex("83"), payload})));
  }
  SUBCASE("an exit") {
    CHECK(without_length(encode_exit(local, remote, "noproc")) ==
          frame_with(3, 4, TermWriter().pid(local).pid(remote).atom("noproc").take()));
  }
  SUBCASE("the end of a monitored name, with the reason as OTP reads it") {
    CHECK(without_length(encode_monitor_exit(std::string("status"), remote, of_monitor, "noproc")) ==
          frame_with(21, 5,
                     TermWriter().atom("status").pid(remote).reference(of_monitor).atom("noproc").take()));
  }
  SUBCASE("the end of a monitored pid") {
    CHECK(
        without_length(encode_monitor_exit(local, remote, of_monitor, "shutdown")) ==
        frame_with(21, 5, TermWriter().pid(local).pid(remote).reference(of_monitor).atom("shutdown").take()));
  }
  SUBCASE("the acknowledgement of an unlink, its id byte for byte") {
    const auto id = hex("6e08ffffffffffffffffff");
    CHECK(without_length(encode_unlink_id_ack(id, local, remote)) ==
          frame_with(36, 4, join({id, pids(local, remote)})));
  }
}
