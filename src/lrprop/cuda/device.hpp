#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "dist/communicator.hpp"
#include "src/lrprop/network/network_kernels.hpp"

/// What a build with CUDA adds. A program links one of two implementations: cuda_device.cpp, or no_cuda_device.cpp,
/// which says that there is none.
namespace alignment {
struct ChosenGpu;
}

namespace alignment::lrprop {

/// This rank's GPU from now on.
class CudaDevice {
 public:
  virtual ~CudaDevice() = default;
  CudaDevice() = default;
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  [[nodiscard]] virtual int index() const = 0;
  /// One line for the log.
  [[nodiscard]] virtual std::string describe() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const NetworkKernels<float>> kernels() const = 0;
  /// Collective. Adds up numbers in GPU memory over ranks, in place, behind what is on the default stream. Throws what
  /// dist::DeviceCommunicator throws.
  virtual void sum(std::span<float> values) = 0;
};

/// Collective. Throws dist::AgreedFailure.
[[nodiscard]] std::unique_ptr<CudaDevice> make_cuda_device(const ChosenGpu& chosen, double timeout_s,
                                                           dist::Communicator& communicator);

/// The kernels on the current GPU; for tests on an emulated one.
[[nodiscard]] std::shared_ptr<const NetworkKernels<float>> make_cuda_network_kernels();

}  // namespace alignment::lrprop
