#pragma once

#include "dist/topology.hpp"

namespace dejavid::dist {

/// MPI_Init_thread .. MPI_Finalize. Made once, in main.
///
/// Throws LaunchError where a parallel launcher (srun, mpirun) started several processes that MPI sees as worlds of one.
class MpiSession {
 public:
  MpiSession(int& argument_count, char**& arguments);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
};

/// True under mpirun or srun: the environment carries their marks. Needs no MPI.
[[nodiscard]] bool started_by_launcher();

/// Ends every rank of the job at once with `code`, when peers can no longer be reached by a collective. Does not return.
[[noreturn]] void abort_all_ranks(int code);

}  // namespace dejavid::dist
