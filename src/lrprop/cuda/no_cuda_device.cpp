#include <stdexcept>

#include "src/lrprop/cuda/device.hpp"

namespace alignment::lrprop {

std::unique_ptr<CudaDevice> make_cuda_device(const ChosenGpu& /*chosen*/, double /*timeout_s*/,
                                             dist::Communicator& /*communicator*/) {
  throw std::logic_error("a GPU was asked for, but this program was built without CUDA");
}

}  // namespace alignment::lrprop
