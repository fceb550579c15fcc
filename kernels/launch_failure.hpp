#pragma once

#include <stdexcept>

namespace alignment::kernels {

/// A kernel could not be started. The message names it and says why, or that work enqueued before it has failed.
struct LaunchFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace alignment::kernels
