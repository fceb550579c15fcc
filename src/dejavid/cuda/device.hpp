#pragma once

#include <memory>

#include "dist/communicator.hpp"
#include "src/dejavid/device.hpp"
#include "src/job/environment/gpus.hpp"

/// What a build with CUDA adds. A program links one of two implementations: cuda_device.cpp, or no_cuda_device.cpp,
/// which says that there is none.
namespace alignment {

struct Config;

/// The GPUs that this process may use. Finding none is no error: the report says why. Throws CudaError.
[[nodiscard]] GpuReport report_gpus();

/// How gradients on GPUs are added up.
enum class GradientBackend : std::uint8_t { kNone, kStaged, kNccl };

/// The GPU of that index, which `ranks_on_gpu` ranks have, this one included. Throws CudaError.
[[nodiscard]] std::unique_ptr<Device> make_cuda_device(const Config& config, dist::Communicator& communicator,
                                                       const GpuDescription& gpu, GradientBackend backend,
                                                       int ranks_on_gpu);

}  // namespace alignment
