// Who is connected to whom, by what the members report themselves, and what is wrong with it. Made by the
// agent, sent as a term, read back by the command `mesh`. Pure.
//
// The schema of the term is in docs/status.md. A connection of Erlang nodes belongs to both sides. One that
// only one side knows is a fault: messages that the other sends are lost until it connects again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::status {

struct Mesh {
  /// Every member is sent the names of all, so that the cost grows with the square. Members beyond are left
  /// out.
  static constexpr std::size_t max_members = 256;

  enum class Answer {
    answered,
    no_answer,  ///< asked, but did not answer
    not_asked,  ///< the BEAM that asks is not connected to it
  };
  struct Member {
    std::string node;
    bool dialable = false;  ///< by the metadata; only such members belong together
    Answer answer = Answer::not_asked;
    std::string reason;             ///< why there is no answer; empty if there is one
    std::vector<std::size_t> sees;  ///< members that it is connected to: positions in `members`, ascending
    std::uint64_t others = 0;       ///< connected nodes that are not members, such as C-nodes
  };

  std::string via;          ///< the BEAM that asked the others; empty if none is connected
  Milliseconds age{0};      ///< since they were asked
  std::size_t omitted = 0;  ///< members above max_members
  std::vector<Member> members;

  /// ErrorCode::malformed, with what is wrong in words.
  [[nodiscard]] static Expected<Mesh> read(std::span<const char> term);
};
[[nodiscard]] std::string_view to_string(Mesh::Answer answer);

[[nodiscard]] distribution::TermBytes mesh_term(const Mesh& mesh);

/// Of the members that are dialable. Members are given as positions in Mesh::members.
struct MeshFindings {
  /// A graph may have exponentially many groups, and more than a few help nobody.
  static constexpr std::size_t max_groups = 12;

  enum class Kind {
    whole,        ///< every member has answered and is connected to every other
    holes,        ///< a connection is missing, or known to one side only
    unconfirmed,  ///< no hole is known, but not everybody has answered
    not_driving,  ///< nobody could be asked
  };
  struct Hole {
    enum class Kind { missing, one_way };
    Kind kind = Kind::missing;
    std::size_t from = 0;  ///< one_way: it sees `to`, which does not see it
    std::size_t to = 0;
  };

  Kind kind = Kind::not_driving;
  std::size_t members = 0;
  std::size_t pairs = 0;
  std::size_t connected = 0;  ///< pairs; one report is enough where the other side has not answered
  std::size_t unknown = 0;    ///< pairs of which neither side has answered
  std::vector<Hole> holes;
  std::vector<std::size_t> unanswered;
  /// The largest sets whose members are all connected to one another, each of at least one member; the
  /// largest set first.
  std::vector<std::vector<std::size_t>> groups;
  bool more_groups = false;          ///< there are more than max_groups
  std::vector<std::size_t> overlap;  ///< members of several of these groups
};
[[nodiscard]] std::string_view to_string(MeshFindings::Kind kind);
[[nodiscard]] std::string_view to_string(MeshFindings::Hole::Kind kind);

/// Precondition: the positions in `mesh` are valid, as read() and the agent make them.
[[nodiscard]] MeshFindings examine(const Mesh& mesh);

/// One line in words: "HOLES, 2 of 3 connections between 3 members, 1 missing".
[[nodiscard]] std::string in_words(const Mesh& mesh, const MeshFindings& findings);

}  // namespace rancher_cnode::status
