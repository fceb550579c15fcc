#pragma once

#include <exception>
#include <string_view>

#include "dist/errors.hpp"

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

/// What the help page of a program says of them.
inline constexpr std::string_view kExitCodesInHelp =
    "Exit codes: 0 done, 2 usage or configuration, 10 store, 11 model, 12 not finite, 13 cannot write, 14 timeout, "
    "15 rank lost, 75 stopped with a checkpoint: start again; 1 anything else.";

/// How a line begins that says that memory ran out; memory_advice() follows.
inline constexpr std::string_view kTooLittleMemory =
    "memory: found too little; expected room for the model, its gradients and the batches; ";
[[nodiscard]] std::string_view memory_advice();
/// As advise_on_memory(), for a library in another's process: what cannot be caught is left alone.
void set_memory_advice(std::string_view advice);

/// What to change where memory runs out, in the words of the program's own keys: "use a smaller train.batch_size". A
/// literal; to be called once, as the program starts. Said also where no one can catch it: in libraries as they are
/// loaded, and in threads of theirs; a program that calls this then exits with 1.
void advise_on_memory(std::string_view advice);

/// Turns an exception into the exit code and the line it stands for.
[[nodiscard]] dist::Failure describe(const std::exception_ptr& error);

}  // namespace alignment
