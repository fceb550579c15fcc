#pragma once

#include <chrono>
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

/// Cores that Slurm has granted one rank of `ranks_on_host`: --cpus-per-task where a launcher started it, else its even
/// part of those granted on this host. Nothing outside Slurm.
[[nodiscard]] std::optional<int> granted_cores(int ranks_on_host);

/// What is wrong where mpirun would wait for ever after the network between `hosts` hosts is cut: once ranks give up,
/// by their `timeout`, before mpirun has noticed, it sends its last orders into the void. Empty where all is well.
[[nodiscard]] std::optional<std::string> slow_keepalive(int hosts, std::chrono::duration<double> timeout);

}  // namespace alignment::dist
