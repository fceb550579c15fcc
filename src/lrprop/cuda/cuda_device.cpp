#include <fmt/format.h>

#include "dist/device_communicator.hpp"
#include "src/gpu/gpus.hpp"
#include "src/gpu/memory.hpp"
#include "src/job/agreed.hpp"
#include "src/lrprop/cuda/device.hpp"

namespace alignment::lrprop {
namespace {

class GpuOfRank final : public CudaDevice {
 public:
  GpuOfRank(const ChosenGpu& chosen, double timeout_s, dist::Communicator& communicator)
      : chosen_(chosen), ranks_(communicator.size().value) {
    check_cuda(cudaSetDevice(chosen.gpu.index), "cudaSetDevice");
    const std::chrono::duration<double> timeout(timeout_s);
    limit_waits_for_gpu(timeout);
    if (chosen.backend == GradientBackend::kNone) sums_ = dist::make_self_device_communicator();
    if (chosen.backend == GradientBackend::kStaged) sums_ = dist::make_staged_device_communicator(communicator);
    if (chosen.backend == GradientBackend::kNccl) sums_ = dist::make_nccl_device_communicator(communicator, timeout);
    kernels_ = make_cuda_network_kernels();
  }

  [[nodiscard]] int index() const override { return chosen_.gpu.index; }
  [[nodiscard]] std::string describe() const override {
    constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;
    return fmt::format("cuda ({}, {:.0f} GiB): {} rank{}, gradients added up by {}", chosen_.gpu.name,
                       static_cast<double>(chosen_.gpu.memory_bytes) / kGibibyte, ranks_, ranks_ == 1 ? "" : "s",
                       sums_->backend_name());
  }
  [[nodiscard]] std::shared_ptr<const NetworkKernels<float>> kernels() const override { return kernels_; }

  void sum(std::span<float> values) override {
    sums_->all_reduce(values, nullptr);
    check_cuda(cudaEventRecord(summed_.get(), nullptr), "cudaEventRecord");
    sums_->wait(summed_.get());
  }

 private:
  ChosenGpu chosen_;
  int ranks_;
  CudaEvent summed_;
  std::unique_ptr<dist::DeviceCommunicator> sums_;
  std::shared_ptr<const NetworkKernels<float>> kernels_;
};

}  // namespace

std::unique_ptr<CudaDevice> make_cuda_device(const ChosenGpu& chosen, double timeout_s,
                                             dist::Communicator& communicator) {
  std::unique_ptr<CudaDevice> device;
  agreed(communicator, [&] { device = std::make_unique<GpuOfRank>(chosen, timeout_s, communicator); });
  return device;
}

}  // namespace alignment::lrprop
