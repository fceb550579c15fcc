#pragma once

#include <cstdint>
#include <optional>

#include "dist/communicator.hpp"
#include "src/config/sections.hpp"
#include "src/job/environment/gpus.hpp"

/// GPUs as every system finds and chooses them. A program links one of two report_gpus(): of a build with CUDA, or one
/// that says that there is none.
namespace alignment {

/// The GPUs that this process may use. Finding none is no error: the report says why. Throws CudaError.
[[nodiscard]] GpuReport report_gpus();

/// How gradients on GPUs are added up.
enum class GradientBackend : std::uint8_t { kNone, kStaged, kNccl };

/// A rank's GPU.
struct ChosenGpu {
  GpuDescription gpu;
  GradientBackend backend = GradientBackend::kNone;
  int ranks_on_gpu = 1;  ///< this one included
};

/// Collective. Refuses a device or backend that this build or machine does not have; `program` is for the message.
/// Throws dist::AgreedFailure.
void require_device(const DistConfig& config, const char* program, dist::Communicator& communicator);

/// Collective. The GPU that dist.device and dist.backend ask for; nothing where the CPU computes. Throws
/// dist::AgreedFailure where require_device() does.
[[nodiscard]] std::optional<ChosenGpu> choose_gpu(const DistConfig& config, const char* program,
                                                  dist::Communicator& communicator);

}  // namespace alignment
