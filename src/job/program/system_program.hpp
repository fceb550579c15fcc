#pragma once

#include <functional>

#include "dist/communicator.hpp"
#include "src/config/command_line.hpp"
#include "src/job/exit_code.hpp"

namespace alignment {

/// Does what a system's program was asked to do: collective, throws dist::AgreedFailure.
using SystemWork = std::function<ExitCode(const Invocation&, dist::Communicator&)>;

/// main() of a system's program: reads the command line, answers --help (pages.hpp) and mistakes without MPI, so also
/// on a login node; else does `work` on all ranks once they are known to have the same settings. A program that calls
/// this holds back SIGTERM, SIGUSR2 and SIGINT while it starts (early_signals.hpp); a command that stops on request
/// answers them from then on, others end by them.
[[nodiscard]] int run_system(const CommandTable& table, const SystemWork& work, int argument_count, char** arguments);

}  // namespace alignment
