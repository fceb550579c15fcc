#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dist/communicator.hpp"
#include "src/config/sections.hpp"
#include "src/job/environment/collective_checks.hpp"
#include "src/job/environment/gpus.hpp"

namespace alignment {

/// Collective. On rank 0: environment.json's text (versions, hosts, ranks, threads, CPU, GPUs, git revision, Slurm
/// variables, command line, UTC time of the call). Elsewhere "". `kernel_variant` is the instruction set that this
/// rank's CPU computes with, `device` one line about what trains, `gpus` those of this rank.
[[nodiscard]] std::string describe_environment(dist::Communicator& communicator, const DistConfig& config,
                                               const std::string& kernel_variant, const GpuReport& gpus = {},
                                               const std::string& device = "cpu");

/// Collective. The subcommand `doctor` of `program`: prints on rank 0 what people paste into a bug report (versions of
/// everything linked, CPU and kernel variant, GPUs, ranks and hosts, threads, file system of the run folder, a round
/// trip of known values through every collective). `device_checks`: what this rank found of collectives in GPU memory;
/// `more_versions`: of what this program alone is linked with. Returns false, on every rank, where a check failed; a
/// warning is not a failure.
[[nodiscard]] bool run_doctor(dist::Communicator& communicator, const std::string& program, const SharedConfig& config,
                              const std::string& kernel_variant, const GpuReport& gpus = {},
                              const std::vector<CollectiveCheck>& device_checks = {},
                              const std::vector<std::pair<std::string, std::string>>& more_versions = {});

/// LibTorch's version, and whether it brings CUDA libraries.
[[nodiscard]] std::string torch_description();

/// Collective. Threads this rank should compute with: dist.threads, or its share of the cores it may run on, each core
/// divided among the ranks of the host whose affinity masks hold it; at least 1.
[[nodiscard]] int thread_count(const DistConfig& config, dist::Communicator& communicator);

}  // namespace alignment
