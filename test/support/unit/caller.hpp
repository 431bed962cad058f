// A process on another node that calls the process rancher_cnode on ours, as a BEAM's does: real handshake,
// real connection.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/distribution/connection.hpp"
#include "rancher_cnode/distribution/control_message.hpp"
#include "rancher_cnode/distribution/frame.hpp"
#include "rancher_cnode/distribution/handshake.hpp"
#include "rancher_cnode/distribution/term.hpp"
#include "support/unit/loopback.hpp"

namespace rancher_cnode::agent::test {

class Caller {
 public:
  Caller(boost::asio::io_context& loop, const distribution::CNode& node, const std::string& name)
      : Caller(loop, node, name, loop) {}
  /// Reads what comes only while `reading` runs.
  Caller(boost::asio::io_context& loop, const distribution::CNode& node, const std::string& name,
         boost::asio::io_context& reading)
      : loop_(loop), pid_{name, 1, 0, 7} {
    using namespace distribution;
    const HandshakeStop stop;
    const Identity self{*NodeName::parse(name), Cookie("secret"), pid_.creation};
    // On a thread: it blocks, and the node's side of it needs the loop.
    auto handshake = std::async(std::launch::async, [&] {
      return connect_handshake(self, node.name(), distribution::test::loopback, node.listen_port(),
                               Clock::now() + distribution::test::patience, stop);
    });
    distribution::test::run_until(loop, "the handshake", [&] {
      return handshake.wait_for(Milliseconds(0)) == std::future_status::ready;
    });
    auto connected = handshake.get();
    REQUIRE(connected);
    connection_ = std::make_shared<Connection>(
        reading, std::move(connected->socket), Connection::Timing{},
        Connection::Handlers{[this](const Message& message) { take(message.payload); }, [](const Error&) {}});
    connection_->start();
    distribution::test::run_until(loop, "the node to know it", [&] { return node.connected(self.name); });
  }
  ~Caller() { connection_->close_silently(); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// The number of the call.
  std::uint32_t call(const distribution::TermBytes& request) {
    distribution::TermWriter message;
    message.tuple(3).atom("$gen_call").tuple(2).pid(pid_).reference(reference(++last_)).raw(request);
    connection_->send(distribution::encode_reg_send(pid_, process, message.bytes()));
    return last_;
  }
  /// {subscribe, Monitor, After}; the number is that of the call, and of the monitor for give_up().
  std::uint32_t subscribe(const distribution::TermBytes& after) {
    distribution::TermWriter request;
    request.tuple(3).atom("subscribe").reference(reference(last_ + 1)).raw(after);
    return call(request.bytes());
  }
  /// What a subscription has got so far.
  [[nodiscard]] const std::vector<distribution::TermBytes>& events(std::uint32_t subscription) {
    return events_[subscription];
  }
  void cast(const distribution::TermBytes& request) {
    const auto message = distribution::TermWriter().tuple(2).atom("$gen_cast").raw(request).take();
    connection_->send(distribution::encode_reg_send(pid_, process, message));
  }
  /// It no longer waits for the call, or has ended: its monitor is taken back (DEMONITOR_P).
  void give_up(std::uint32_t number) { give_up(number, *this); }
  /// As if a call of another's were its own.
  void give_up(std::uint32_t number, const Caller& whose) {
    distribution::TermWriter control;
    control.version().tuple(4).integer(20).pid(pid_).atom(process).reference(whose.reference(number));
    connection_->send(distribution::pass_through_frame(control.bytes(), {}));
  }

  /// The answer, in words; "" while there is none.
  [[nodiscard]] std::string answer(std::uint32_t number) const {
    const auto found = answers_.find(number);
    return found == answers_.end() ? "" : distribution::printed(found->second);
  }
  std::string await_answer(std::uint32_t number) {
    distribution::test::run_until(loop_, "the answer", [&] { return answers_.contains(number); });
    return answer(number);
  }
  std::string ask(const distribution::TermBytes& request) { return await_answer(call(request)); }
  /// The answer as it came.
  distribution::TermBytes ask_for_bytes(const distribution::TermBytes& request) {
    const auto number = call(request);
    await_answer(number);
    return answers_.at(number);
  }

 private:
  static constexpr const char* process = "rancher_cnode";

  [[nodiscard]] distribution::Reference reference(std::uint32_t number) const {
    return {pid_.node, pid_.creation, 3, {number, 2, 3}};
  }
  void take(std::span<const char> message) {
    distribution::TermReader reader(message);
    if (reader.accept_tuple(3)) {
      REQUIRE(reader.accept_atom("rancher_cnode_event"));
      const auto monitor = reader.reference();
      REQUIRE(monitor);
      events_[monitor->words[0]].emplace_back(reader.rest().begin(), reader.rest().end());
      return;
    }
    REQUIRE(reader.accept_tuple(2));
    const auto tag = reader.reference();
    REQUIRE(tag);
    answers_[tag->words[0]] = distribution::TermBytes(reader.rest().begin(), reader.rest().end());
  }

  boost::asio::io_context& loop_;
  const distribution::Pid pid_;
  std::shared_ptr<distribution::Connection> connection_;
  std::map<std::uint32_t, distribution::TermBytes> answers_;
  std::map<std::uint32_t, std::vector<distribution::TermBytes>> events_;
  std::uint32_t last_ = 0;
};

}  // namespace rancher_cnode::agent::test
