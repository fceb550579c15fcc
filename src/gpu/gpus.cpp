#include "src/gpu/gpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dist/agreement.hpp"
#include "dist/nccl/gpu_identity.hpp"
#include "src/config/error.hpp"
#include "src/job/agreed.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment {
namespace {

/// Refuses what this rank does not have.
void check_choice(const DistConfig& config, const GpuReport& report, const char* program,
                  const dist::Topology& topology) {
  const bool wants_cuda = config.device == DeviceChoice::kCuda, wants_nccl = config.backend == BackendChoice::kNccl;
  if (wants_cuda && !report.built_in) {
    throw ConfigError(
        "dist.device: found \"cuda\", but this program was built without CUDA; expected \"auto\" or \"cpu\"");
  }
  if (wants_nccl && !report.built_in) {
    throw ConfigError(
        "dist.backend: found \"nccl\", but this program was built without NCCL; expected \"auto\" or \"mpi\"");
  }
  if (wants_cuda && report.gpus.empty()) {
    throw ConfigError(
        fmt::format("dist.device: found \"cuda\", but no GPU on {} ({}); expected one for every rank; use \"auto\" or "
                    "\"cpu\", or look at what {} doctor says of the driver",
                    topology.host, report.reason, program));
  }
  if (wants_nccl && (config.device == DeviceChoice::kCpu || report.gpus.empty())) {
    throw ConfigError(
        "dist.backend: found \"nccl\" where the CPU computes; expected \"auto\" or \"mpi\": NCCL adds up what lies in "
        "GPU memory");
  }
}

/// Collective.
GpuReport checked_report(const DistConfig& config, const char* program, dist::Communicator& communicator) {
  GpuReport report;
  agreed(communicator, [&] {
    if (config.device != DeviceChoice::kCpu || config.backend == BackendChoice::kNccl) report = report_gpus();
    check_choice(config, report, program, communicator.topology());
  });
  return report;
}

GradientBackend choose_backend(BackendChoice choice, const std::vector<dist::GpuIdentity>& gpus) {
  if (choice == BackendChoice::kNccl) return GradientBackend::kNccl;
  if (gpus.size() == 1) return GradientBackend::kNone;
  if (choice == BackendChoice::kMpi) return GradientBackend::kStaged;
  if (std::set<dist::GpuIdentity>(gpus.begin(), gpus.end()).size() == gpus.size()) return GradientBackend::kNccl;
  log_info("ranks share a GPU: gradients are added up in host memory");
  return GradientBackend::kStaged;
}

}  // namespace

void require_device(const DistConfig& config, const char* program, dist::Communicator& communicator) {
  static_cast<void>(checked_report(config, program, communicator));
}

std::optional<ChosenGpu> choose_gpu(const DistConfig& config, const char* program, dist::Communicator& communicator) {
  const GpuReport report = checked_report(config, program, communicator);
  if (config.device == DeviceChoice::kCpu || !dist::on_all_ranks(communicator, !report.gpus.empty())) {
    if (report.built_in && config.device == DeviceChoice::kAuto) {
      log_info(report.gpus.empty() ? fmt::format("no GPU found ({}): computing on the CPU", report.reason)
                                   : "not every rank has a GPU: computing on the CPU");
    }
    return std::nullopt;
  }
  ChosenGpu chosen;
  const auto local_rank = static_cast<std::size_t>(communicator.topology().local_rank.value);
  chosen.gpu = report.gpus[local_rank % report.gpus.size()];
  const std::vector<dist::GpuIdentity> gpus = dist::gather_gpus(communicator, chosen.gpu.pci_id);
  chosen.backend = choose_backend(config.backend, gpus);
  chosen.ranks_on_gpu =
      static_cast<int>(std::count(gpus.begin(), gpus.end(), gpus[static_cast<std::size_t>(communicator.rank().value)]));
  return chosen;
}

}  // namespace alignment
