#pragma once

#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "dist/agreement.hpp"

namespace alignment {

/// Process exit codes, the same on every rank.
enum class ExitCode : int {
  kDone = 0,
  kOther = 1,
  kUsage = 2,
  kStore = 10,
  kModel = 11,
  kNotFinite = 12,
  kCannotWrite = 13,
  kTimeout = 14,
  kRankLost = 15,
  kStopped = 75,
};

/// What is said where memory runs out, also where no one can catch it: in libraries as they are loaded, and in threads
/// of theirs. A program that links this file then exits with 1.
inline constexpr std::string_view kTooLittleMemory =
    "memory: found too little; expected room for the model, its gradients and the batches; use a smaller "
    "train.batch_size, data.cache = \"none\", or fewer ranks on the host";

/// Turns an exception into the exit code and the line it stands for.
[[nodiscard]] dist::Failure describe(const std::exception_ptr& error);

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
