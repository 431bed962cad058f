// Pieces of Erlang's abstract format, in which erl_eval takes an expression (ERTS User's Guide, "The Abstract
// Format"). Used by disconnect and MeshQuery, which have a node do several things in one step.
#pragma once

#include <string_view>

#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent::form {

inline distribution::TermWriter& atom(distribution::TermWriter& form, std::string_view name) {
  return form.tuple(3).atom("atom").integer(1).atom(name);
}

/// The head of a call: its list of arguments must follow.
inline distribution::TermWriter& call(distribution::TermWriter& form, std::string_view module,
                                      std::string_view function) {
  form.tuple(4).atom("call").integer(1).tuple(4).atom("remote").integer(1);
  return atom(atom(form, module), function);
}

}  // namespace rancher_cnode::agent::form
