// Why a connection ended, where the other side ended it.
#pragma once

#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::agent::test {

inline const Error closed{ErrorCode::unavailable, "the other side closed the connection"};

}  // namespace rancher_cnode::agent::test
