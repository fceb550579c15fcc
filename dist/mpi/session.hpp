#pragma once

#include <chrono>

namespace alignment::dist {

/// MPI_Init_thread .. MPI_Finalize. Made once, in main.
///
/// Throws LaunchError where a parallel launcher (srun, mpirun) started several processes that MPI sees as worlds of
/// one.
///
/// MPI_Finalize waits for every rank. So the destructor leaves it out when a collective failed or when an exception
/// unwinds past it, and the launcher then ends the other ranks; catch inside the session what all ranks agreed on.
///
/// A rank that waits longer than `timeout` (above zero) for the others in MPI_Init_thread or MPI_Finalize prints one
/// line and ends with 14.
class MpiSession {
 public:
  MpiSession(int& argument_count, char**& arguments, std::chrono::duration<double> timeout);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

 private:
  void finalize() const;

  int exceptions_before_;
  std::chrono::duration<double> timeout_;
};

/// True under mpirun or srun: the environment carries their marks. Needs no MPI.
[[nodiscard]] bool started_by_launcher();

/// Ends every rank of the job at once, when peers can no longer be reached by a collective. `code` becomes the job's
/// exit code (1 in place of a value outside 1 .. 125, which launchers change). Does not return: where MPI_Abort hangs,
/// this process leaves after 5 s.
[[noreturn]] void abort_all_ranks(int code);

}  // namespace alignment::dist
