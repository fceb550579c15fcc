#pragma once

#include <string>

#include "dist/communicator.hpp"
#include "src/config/config.hpp"

namespace dejavid {

/// Collective. On rank 0: environment.json's text (versions, hosts, ranks, threads, CPU, git revision, Slurm variables). Elsewhere "".
[[nodiscard]] std::string describe_environment(dist::Communicator& communicator, const Config& config);

/// Collective. `dejavid_dist doctor`: prints on rank 0 what people paste into a bug report (versions of everything linked, CPU and
/// kernel variants, ranks and hosts, threads, file system of the run folder, a round trip of known values through every collective).
/// Returns false where a check failed.
[[nodiscard]] bool run_doctor(dist::Communicator& communicator, const Config& config);

/// LibTorch's version, and whether it was built with CUDA.
[[nodiscard]] std::string torch_description();

/// Threads this rank should compute with: dist.threads, or its share of the cores it may run on.
[[nodiscard]] int thread_count(const Config& config, const dist::Topology& topology);

}  // namespace dejavid
