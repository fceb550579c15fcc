#pragma once

#include <chrono>
#include <functional>

#include "dist/communicator.hpp"

namespace alignment::encoding {

/// Collective. Does `work`, which may take any time and may fail on some ranks only, on a thread of its own while ranks
/// tell each other that they are there. Returns on every rank, or throws dist::AgreedFailure on every rank.
void alongside(dist::Communicator& communicator, std::chrono::duration<double> timeout,
               const std::function<void()>& work);

}  // namespace alignment::encoding
