#pragma once

#include <memory>

#include "dist/communicator.hpp"
#include "src/dejavid/device.hpp"
#include "src/gpu/gpus.hpp"

/// What a build with CUDA adds. A program links one of two implementations: device.cpp, or no_cuda_device.cpp,
/// which says that there is none.
namespace alignment::dejavid {

struct Config;

/// The GPU of that index, which `ranks_on_gpu` ranks have, this one included. Throws CudaError.
[[nodiscard]] std::unique_ptr<Device> make_cuda_device(const Config& config, dist::Communicator& communicator,
                                                       const GpuDescription& gpu, GradientBackend backend,
                                                       int ranks_on_gpu);

}  // namespace alignment::dejavid
