#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "dist/agreement.hpp"
#include "src/job/exit_code.hpp"

namespace alignment {

/// Work of one rank between two agreements: the first failure is kept for dist::agree(), and what follows it is left
/// out.
struct LocalPhase {
  std::optional<dist::Failure> failure;

  template <typename Work>
  void attempt(Work&& work) {
    if (failure) return;
    try {
      std::forward<Work>(work)();
    } catch (...) {
      failure = describe(std::current_exception());
    }
  }
};

/// Runs a phase that may fail on some ranks only, then agrees: every rank returns, or every rank throws
/// dist::AgreedFailure.
template <typename Phase>
void agreed(dist::Communicator& communicator, Phase&& phase) {
  LocalPhase local;
  local.attempt(std::forward<Phase>(phase));
  dist::agree(communicator, local.failure);
}

}  // namespace alignment
