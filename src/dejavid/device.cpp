#include "src/dejavid/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dist/agreement.hpp"
#include "dist/nccl/gpu_identity.hpp"
#include "src/config/error.hpp"
#include "src/dejavid/config.hpp"
#include "src/dejavid/cpu/device.hpp"
#include "src/dejavid/cuda/device.hpp"
#include "src/job/agreed.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment {
namespace {

/// Refuses what this rank does not have.
void check_choice(const Config& config, const GpuReport& report, const dist::Topology& topology) {
  const bool wants_cuda = config.dist.device == DeviceChoice::kCuda,
             wants_nccl = config.dist.backend == BackendChoice::kNccl;
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
                    "\"cpu\", or look at what dejavid_dist doctor says of the driver",
                    topology.host, report.reason));
  }
  if (wants_nccl && (config.dist.device == DeviceChoice::kCpu || report.gpus.empty())) {
    throw ConfigError(
        "dist.backend: found \"nccl\" where the CPU computes; expected \"auto\" or \"mpi\": NCCL adds up what lies in "
        "GPU memory");
  }
}

/// Collective.
GpuReport checked_report(const Config& config, dist::Communicator& communicator) {
  GpuReport report;
  agreed(communicator, [&] {
    if (config.dist.device != DeviceChoice::kCpu || config.dist.backend == BackendChoice::kNccl) report = report_gpus();
    check_choice(config, report, communicator.topology());
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

FindSampleNeeds needs_of_training(Device& device) {
  return [&device](const io::TseStore& store) { return SampleNeeds{device.layout(), device.samples_to_keep(store)}; };
}

FindSampleNeeds needs_of_evaluation(const Device& device) {
  return [&device](const io::TseStore&) { return SampleNeeds{device.layout(), {}}; };
}

void require_device(const Config& config, dist::Communicator& communicator) {
  static_cast<void>(checked_report(config, communicator));
}

void require_path_precision(const Config& config, const Device& device) {
  const PathPrecision found = config.train.path_precision;
  if (found == PathPrecision::kF16 && !device.is_gpu()) {
    throw ConfigError(
        "train.path_precision: found \"f16\" where the CPU computes; expected \"f32\" or \"i8\"; choose one of these, "
        "or a GPU");
  }
}

void require_gradient_precision(const Config& config, const Device& device) {
  if (config.train.gradient_precision == GradientPrecision::kF16 && !device.is_gpu()) {
    throw ConfigError(
        "train.gradient_precision: found \"f16\" where the CPU computes; expected \"f32\"; choose this, or a GPU");
  }
}

std::unique_ptr<Device> choose_device(const Config& config, dist::Communicator& communicator, int threads) {
  const GpuReport report = checked_report(config, communicator);
  if (config.dist.device == DeviceChoice::kCpu || !dist::on_all_ranks(communicator, !report.gpus.empty())) {
    if (report.built_in && config.dist.device == DeviceChoice::kAuto) {
      log_info(report.gpus.empty() ? fmt::format("no GPU found ({}): computing on the CPU", report.reason)
                                   : "not every rank has a GPU: computing on the CPU");
    }
    agreed(communicator, [&] {
      if (config.data.cache == CacheChoice::kDevice) {
        throw ConfigError(
            "data.cache: found \"device\" where the CPU computes; expected \"auto\", \"memory\" or \"none\"; choose "
            "one of "
            "these, or a GPU with dist.device = \"cuda\"");
      }
    });
    return std::make_unique<CpuDevice>(config, communicator, threads);
  }
  const auto local_rank = static_cast<std::size_t>(communicator.topology().local_rank.value);
  const GpuDescription& gpu = report.gpus[local_rank % report.gpus.size()];
  const std::vector<dist::GpuIdentity> gpus = dist::gather_gpus(communicator, gpu.pci_id);
  const GradientBackend backend = choose_backend(config.dist.backend, gpus);
  const auto sharers = std::count(gpus.begin(), gpus.end(), gpus[static_cast<std::size_t>(communicator.rank().value)]);
  std::unique_ptr<Device> device;
  agreed(communicator,
         [&] { device = make_cuda_device(config, communicator, gpu, backend, static_cast<int>(sharers)); });
  return device;
}

}  // namespace alignment
