#pragma once

#include <optional>
#include <string>

namespace alignment::dist {

/// What is wrong where a launcher's marks in the environment promise several processes and MPI sees `world_size`; empty
/// where they fit.
///
/// The nearest launcher decides: mpirun's count before PMI's before Slurm's, since mpirun inside an allocation inherits
/// Slurm's marks. An allocation alone (sbatch, salloc) promises nothing: a program started plainly in it is one
/// process.
[[nodiscard]] std::optional<std::string> launch_mismatch(int world_size);

/// The rank that a launcher's marks promise; 0 without any.
[[nodiscard]] int promised_rank();

}  // namespace alignment::dist
