#pragma once

#include "dist/communicator.hpp"

namespace dejavid::dist::detail {

/// Throws LaunchError, the same on every rank, where two ranks' current GPUs are one: same host, same PCI address.
/// Collective.
void require_own_gpus(Communicator& communicator);

}  // namespace dejavid::dist::detail
