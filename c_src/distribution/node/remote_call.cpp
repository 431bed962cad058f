#include "rancher_cnode/distribution/remote_call.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "rancher_cnode/distribution/control_message.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// {'EXIT', {undef, Stack}}, as rex reports a function that does not exist.
bool is_undefined(std::span<const char> reason) {
  TermReader reader(reason);
  return reader.accept_tuple(2) && reader.accept_atom("EXIT") && reader.accept_tuple(2) &&
         reader.accept_atom("undef");
}

/// {badrpc, Reason} becomes an error; anything else is the result.
CallResult result_of(std::span<const char> term) {
  TermReader reader(term);
  if (!reader.accept_tuple(2) || !reader.accept_atom("badrpc")) {
    return TermBytes(term.begin(), term.end());
  }
  const auto reason = reader.rest();
  return failure(is_undefined(reason) ? ErrorCode::not_found : ErrorCode::failed,
                 "the call failed: " + printed(reason));
}

}  // namespace

RemoteCalls::RemoteCalls(asio::io_context& loop, Pid self, std::uint32_t connection, Send send)
    : loop_(loop),
      self_(std::move(self)),
      connection_(connection),
      send_(std::move(send)),
      alive_(std::make_shared<RemoteCalls*>(this)) {}

RemoteCalls::~RemoteCalls() = default;

Reference RemoteCalls::next_reference() {
  // Before OTP 24 the first word of a reference has 18 bits.
  constexpr std::uint64_t first_word_mask = 0x3ffff;
  constexpr unsigned first_word_bits = 18;
  ++count_;
  return Reference{self_.node,
                   self_.creation,
                   3,
                   {static_cast<std::uint32_t>(count_ & first_word_mask),
                    static_cast<std::uint32_t>(count_ >> first_word_bits), connection_}};
}

void RemoteCalls::request(const std::string& process, std::span<const char> request, Milliseconds timeout,
                          OnCallResult done) {
  const Reference reference = next_reference();
  TermWriter message;
  message.tuple(3).atom("$gen_call").tuple(2).pid(self_).reference(reference).raw(request);

  auto deadline = std::make_unique<asio::steady_timer>(loop_, timeout);
  deadline->async_wait(
      [alive = std::weak_ptr<RemoteCalls*>(alive_), reference, process](const error_code& cancelled) {
        const auto calls = alive.lock();
        if (!cancelled && calls) {
          (*calls)->finish(reference, failure(ErrorCode::timeout, "no answer from " + process + " in time"));
        }
      });
  pending_.emplace(reference, Pending{std::move(done), std::move(deadline)});
  send_(encode_reg_send(self_, process, message.bytes()));
}

void RemoteCalls::call(const ModuleFunction& what, std::span<const char> arguments, Milliseconds timeout,
                       OnCallResult done) {
  TermWriter call;
  call.tuple(5).atom("call").atom(what.module).atom(what.function).raw(arguments).atom("user");
  request("rex", call.bytes(), timeout, [done = std::move(done), what](const CallResult& reply) {
    const auto result = reply.and_then([](const TermBytes& term) { return result_of(term); });
    done(result.map_error(
        [&](const Error& error) { return error.within(what.module + ":" + what.function); }));
  });
}

bool RemoteCalls::handle_reply(std::span<const char> message) {
  TermReader reader(message);
  if (!reader.accept_tuple(2)) {
    return false;
  }
  const auto reference = reader.reference();
  if (!reference || !pending_.contains(*reference)) {
    return false;
  }
  const auto reply = reader.rest();
  finish(*reference, TermBytes(reply.begin(), reply.end()));
  return true;
}

void RemoteCalls::finish(const Reference& reference, CallResult result) {
  auto found = pending_.extract(reference);
  if (!found.empty()) {
    found.mapped().done(std::move(result));
  }
}

void RemoteCalls::fail_all(const Error& why) {
  for (auto& [reference, pending] : std::exchange(pending_, {})) {
    pending.done(tl::unexpected(why));
  }
}

}  // namespace rancher_cnode::distribution
