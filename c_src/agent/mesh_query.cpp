#include "agent/mesh_query.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "agent/abstract_form.hpp"
#include "agent/remote.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;

using distribution::printed;
using distribution::TermBytes;
using distribution::TermReader;
using distribution::TermWriter;
using status::Mesh;
using Answer = Mesh::Answer;

namespace {

TermWriter& variable(TermWriter& form) { return form.tuple(3).atom("var").integer(1).atom("Nodes"); }

/// The arguments of erl_eval:expr/2 for [{Members -- Nodes, length(Nodes)} || Nodes <- [nodes(connected)]]. A
/// comprehension, because its variable is not returned with the bindings.
TermBytes evaluation_of(const std::vector<Mesh::Member>& members) {
  TermWriter form;
  form.list(2).tuple(4).atom("lc").integer(1);
  form.tuple(3).atom("tuple").integer(1).list(2);
  form.tuple(5).atom("op").integer(1).atom("--");
  for (const auto& member : members) {
    form.tuple(4).atom("cons").integer(1);
    form::atom(form, member.node);
  }
  form.tuple(2).atom("nil").integer(1);
  variable(form);
  variable(form::call(form, "erlang", "length").list(1)).nil().nil();
  form.list(1).tuple(4).atom("generate").integer(1);
  variable(form);
  form.tuple(4).atom("cons").integer(1);
  form::atom(form::call(form, "erlang", "nodes").list(1), "connected").nil();
  form.tuple(2).atom("nil").integer(1).nil();
  return form.nil().nil().take();
}

/// Reads what the evaluation returned into the member. False if it is something else.
bool take_evaluated(TermReader reader, Mesh& mesh, std::size_t position) {
  if (!reader.accept_tuple(3) || !reader.accept_atom("value") || reader.list() != 1U ||
      !reader.accept_tuple(2)) {
    return false;
  }
  std::map<std::string_view, std::size_t> positions;
  for (std::size_t i = 0; i < mesh.members.size(); ++i) {
    positions.emplace(mesh.members[i].node, i);
  }
  std::vector<bool> lacks(mesh.members.size());
  const bool none = reader.nil().has_value();
  const auto length = none ? Expected<std::uint32_t>(0) : reader.list();
  for (std::uint32_t i = 0; length && i < *length; ++i) {
    const auto name = reader.atom();
    const auto found = name ? positions.find(*name) : positions.end();
    if (found == positions.end()) {
      return false;
    }
    lacks[found->second] = true;
  }
  if (!length || (!none && !reader.nil())) {
    return false;
  }
  const auto all = reader.integer();
  if (!all) {
    return false;
  }
  auto& member = mesh.members[position];
  for (std::size_t i = 0; i < lacks.size(); ++i) {
    if (!lacks[i] && i != position) {
      member.sees.push_back(i);
    }
  }
  const auto others = *all - static_cast<std::int64_t>(member.sees.size());
  member.others = static_cast<std::uint64_t>(std::max<std::int64_t>(others, 0));
  member.answer = Answer::answered;
  member.reason.clear();
  return true;
}

/// {erpc, Reason}, or what the call raised.
std::string in_words(std::span<const char> reason) {
  TermReader reader(reason);
  if (reader.accept_tuple(2) && reader.accept_atom("erpc")) {
    if (reader.accept_atom("timeout")) {
      return "it did not answer within " + std::to_string(MeshQuery::member_limit.count()) + " ms";
    }
    if (reader.accept_atom("noconnection")) {
      return "its connection was lost meanwhile";
    }
    if (reader.accept_atom("notsup")) {
      return "its OTP release is before 23";
    }
  }
  return "the call failed: " + printed(reason);
}

/// One item of what erpc:multicall/5 returns: {ok, Value}, or {error | exit | throw, Reason}.
void take_result(std::span<const char> item, Mesh& mesh, std::size_t position) {
  TermReader reader(item);
  auto& member = mesh.members[position];
  const bool pair = reader.accept_tuple(2);
  if (pair && reader.accept_atom("ok")) {
    if (!take_evaluated(reader, mesh, position)) {
      member.reason = "its answer is malformed: " + printed(reader.rest());
    }
  } else if (pair && reader.skip()) {
    member.reason = in_words(reader.rest());
  } else {
    member.reason = "its answer is malformed: " + printed(item);
  }
}

std::string why_not_called(const Error& error) {
  return error.code == ErrorCode::not_found ? "the BEAM has no erpc, which is in OTP 23 and later"
                                            : error.message;
}

/// Our BEAM is one of them, whether or not it is listed.
Mesh mesh_of(const NodeName& via, const std::vector<membership::MemberView>& members) {
  Mesh mesh;
  mesh.via = via.str();
  const auto add = [&mesh](const membership::MemberView& member) {
    mesh.members.push_back({.node = member.node.str(),
                            .dialable = member.state == membership::MemberState::dialable,
                            .reason = "the BEAM is not connected to it",
                            .sees = {}});
  };
  const auto own = std::ranges::find(members, via, &membership::MemberView::node);
  if (own != members.end()) {
    add(*own);
  } else {
    add({.node = via, .state = membership::MemberState::held, .reason = {}, .since = {}, .service = {}});
  }
  for (const auto& member : members) {
    if (member.node == via || member.state == membership::MemberState::departed) {
      continue;
    }
    if (mesh.members.size() == Mesh::max_members) {
      ++mesh.omitted;
    } else {
      add(member);
    }
  }
  return mesh;
}

/// The BEAM's own report. False if it has not answered.
asio::awaitable<bool> ask_beam(distribution::Connections& cnode, NodeName via, Mesh& mesh) {
  const ModuleFunction evaluate{"erl_eval", "expr"};
  const auto result = co_await call(cnode, via, evaluate, evaluation_of(mesh.members), MeshQuery::call_limit);
  auto& own = mesh.members.front();
  own.answer = Answer::no_answer;
  if (!result) {
    own.reason = result.error().message;
  } else if (!take_evaluated(TermReader(*result), mesh, 0)) {
    own.reason = "its answer is malformed: " + printed(*result);
  }
  co_return own.answer == Answer::answered;
}

asio::awaitable<void> ask_members(distribution::Connections& cnode, NodeName via, Mesh& mesh) {
  const auto asked = mesh.members.front().sees;
  if (asked.empty()) {
    co_return;
  }
  TermWriter arguments;
  arguments.list(5).list(asked.size());
  for (const std::size_t position : asked) {
    arguments.atom(mesh.members[position].node);
    mesh.members[position].answer = Answer::no_answer;
  }
  arguments.nil().atom("erl_eval").atom("expr").raw(evaluation_of(mesh.members));
  arguments.integer(MeshQuery::member_limit.count()).nil();
  const ModuleFunction multicall{"erpc", "multicall"};
  const auto result = co_await call(cnode, via, multicall, arguments.bytes(), MeshQuery::call_limit);
  TermReader reader(result ? std::span<const char>(*result) : std::span<const char>());
  const bool as_asked = result && reader.list() == asked.size();
  for (const std::size_t position : asked) {
    const auto item = as_asked ? reader.skip() : failure(ErrorCode::malformed, "");
    if (item) {
      take_result(*item, mesh, position);
    } else {
      mesh.members[position].reason =
          result ? "the BEAM's answer is malformed: " + printed(*result) : why_not_called(result.error());
    }
  }
}

}  // namespace

MeshQuery::MeshQuery(asio::any_io_executor loop, distribution::Connections& cnode, Timers& timers,
                     std::function<Question()> question)
    : loop_(std::move(loop)), cnode_(cnode), timers_(timers), question_(std::move(question)) {}

void MeshQuery::ask(Done done) {
  const bool running = !waiting_.empty();
  waiting_.push_back(std::move(done));
  if (running) {
    return;
  }
  if (mesh_ && !mesh_->via.empty() && timers_.now() - asked_at_ < fresh_for) {
    deliver();
    return;
  }
  mesh_.reset();
  asked_at_ = timers_.now();
  asio::co_spawn(loop_, run(shared_from_this(), question_()), asio::detached);
}

asio::awaitable<void> MeshQuery::run(std::shared_ptr<MeshQuery> self, Question question) {
  Mesh mesh;
  if (question.via) {
    mesh = mesh_of(*question.via, question.members);
    if (co_await ask_beam(self->cnode_, *question.via, mesh)) {
      co_await ask_members(self->cnode_, *question.via, mesh);
    }
  }
  self->mesh_ = std::move(mesh);
  self->deliver();
}

void MeshQuery::deliver() {
  mesh_->age = std::chrono::duration_cast<Milliseconds>(timers_.now() - asked_at_);
  const Mesh mesh = *mesh_;  // a caller may ask again
  for (const auto& done : std::exchange(waiting_, {})) {
    done(mesh);
  }
}

}  // namespace rancher_cnode::agent
