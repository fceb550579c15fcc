#pragma once

#include <string>

/// Which process of a job speaks before MPI has started.
namespace alignment {

/// True in the one process of a job that prints what concerns all of them before MPI has started: rank 0 by the
/// environment of mpirun or srun, or a process started on its own.
[[nodiscard]] bool speaks_for_the_job();

/// For every process of a job that is about to fail before MPI has started: where another one speaks, gives it the time
/// to. A launcher ends all processes as soon as one has failed; who comes back from here has to speak for itself.
void let_the_speaker_finish();

/// " (rank 1 on host7)" for a process that does not speak for its job, else empty.
[[nodiscard]] std::string rank_before_mpi();

}  // namespace alignment
