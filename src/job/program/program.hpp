#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "dist/communicator.hpp"
#include "src/config/pages/program_description.hpp"
#include "src/job/exit_code.hpp"

/// The start and the end of a program.
namespace alignment {

/// Prints "error: <line>" on standard error, always one line; returns the code.
int complain(ExitCode code, std::string line);

/// The same of a mistake on the command line, before MPI has started: names the rank, which of several is first given
/// time to be ended by the one that speaks for them. One that is still there after that is alone with its mistake.
int complain_about_usage(const std::string& line);

/// What a program says that was started without a word, and asks for some: its first screen, on standard error. Returns
/// the code of a mistake on the command line.
int show_first_screen(const ProgramDescription& program);

/// main() of any program: prepares the standard streams, then does `work`; an exception becomes its line and exit code.
[[nodiscard]] int run_program(const std::function<int()>& work);

/// Which processes of a job do the work.
enum class Ranks : std::uint8_t {
  kAll,      ///< all that a launcher has started, over MPI
  kThisOne,  ///< this process by itself
};

/// Does `work` as one rank of its job: starts MPI where a launcher asks for it, and the log. What the ranks agreed on
/// is said once; what this rank alone met ends the others too. `timeout`: for collectives. Returns the exit code, the
/// same on every rank that is left.
[[nodiscard]] int run_on_ranks(Ranks ranks, int& argument_count, char**& arguments,
                               std::chrono::duration<double> timeout,
                               const std::function<ExitCode(dist::Communicator&)>& work);

}  // namespace alignment
