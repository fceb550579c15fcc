#include <stdexcept>

#include "src/dejavid/cuda/device.hpp"

namespace alignment::dejavid {

std::unique_ptr<Device> make_cuda_device(const Config& /*config*/, dist::Communicator& /*communicator*/,
                                         const GpuDescription& /*gpu*/, GradientBackend /*backend*/,
                                         int /*ranks_on_gpu*/) {
  throw std::logic_error("a GPU was asked for, but this program was built without CUDA");
}

}  // namespace alignment::dejavid
