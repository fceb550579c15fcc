#include <array>
#include <span>
#include <vector>

#include "src/gpu/memory.hpp"
#include "src/lrprop/cuda/device.hpp"

namespace alignment::lrprop {
namespace {

/// On the default stream, which LibTorch's work is on as well.
constexpr kernels::cuda::Stream kStream = nullptr;

template <typename T>
void to_device(std::span<const T> values, T* destination) {
  check_cuda(cudaMemcpyAsync(destination, values.data(), values.size_bytes(), cudaMemcpyHostToDevice, kStream),
             "cudaMemcpyAsync to the GPU");
}

template <typename T>
void to_host(const T* source, std::span<T> values) {
  check_cuda(cudaMemcpyAsync(values.data(), source, values.size_bytes(), cudaMemcpyDeviceToHost, kStream),
             "cudaMemcpyAsync from the GPU");
}

class CudaNetworkKernels final : public NetworkKernels<float> {
 public:
  void distances(const kernels::RowsView<float>& a, const kernels::RowsView<float>& b,
                 float* distances) const override {
    kernels::cuda::pairwise_distances(a, b, distances, kStream);
  }

  void gradient(const kernels::RowsView<float>& a, const kernels::RowsView<float>& b, const float* distances,
                const float* distance_gradient, float* a_gradient, float* b_gradient) const override {
    kernels::cuda::pairwise_gradient(a, b, distances, distance_gradient, a_gradient, b_gradient, kStream);
  }

  void paths(const kernels::MatricesView<float>& matrices, kernels::PathCell* cells,
             std::int64_t* lengths) const override {
    const kernels::cuda::Matrices<float> on_device = uploaded(matrices);
    std::int64_t most = 0;
    for (std::int64_t n = 0; n < matrices.count; ++n) most += matrices.rows[n] + matrices.columns[n] - 1;
    const auto count = static_cast<std::size_t>(matrices.count);
    kernels::PathCell* const device_cells = cells_.reserve(most);
    std::int64_t* const device_lengths = lengths_.reserve(count);
    kernels::cuda::dtw_paths(on_device, device_cells, device_lengths, nullptr,
                             workspace_.reserve(kernels::cuda::dtw_paths_workspace_bytes(on_device)), kStream);
    to_host(device_cells, std::span(cells, static_cast<std::size_t>(most)));
    to_host(device_lengths, std::span(lengths, count));
    finish();
  }

  void soft_dtw(const kernels::MatricesView<float>& matrices, double gamma, double* values,
                float* alignments) const override {
    const kernels::cuda::Matrices<float> on_device = uploaded(matrices);
    const auto count = static_cast<std::size_t>(matrices.count);
    double* const device_values = values_.reserve(count);
    const std::size_t bytes = kernels::cuda::soft_dtw_workspace_bytes(on_device, alignments != nullptr);
    kernels::cuda::soft_dtw(on_device, gamma, device_values, alignments, workspace_.reserve(bytes), kStream);
    to_host(device_values, std::span(values, count));
    finish();
  }

  void dropout_mask(const kernels::DropoutDraw& draw, std::int64_t count, float* mask) const override {
    kernels::cuda::dropout_mask(draw, count, mask, kStream);
  }

  void finish() const override {
    const dist::Deadline deadline = waiting_for_gpu();
    check_cuda(cudaStreamSynchronize(kStream), "cudaStreamSynchronize");
  }

 private:
  /// The extents beside the values, which are there.
  [[nodiscard]] kernels::cuda::Matrices<float> uploaded(const kernels::MatricesView<float>& matrices) const {
    const auto count = static_cast<std::size_t>(matrices.count);
    extents_on_host_.resize(3 * count);
    for (std::size_t n = 0; n < count; ++n) {
      extents_on_host_[n] = matrices.offsets[n];
      extents_on_host_[count + n] = matrices.rows[n];
      extents_on_host_[2 * count + n] = matrices.columns[n];
    }
    std::int64_t* const extents = extents_.reserve(3 * count);
    to_device(std::span<const std::int64_t>(extents_on_host_), extents);
    kernels::MatricesView<float> device = matrices;
    device.offsets = extents;
    device.rows = extents + count;
    device.columns = extents + 2 * count;
    return kernels::cuda::with_extents(device, matrices);
  }

  mutable std::vector<std::int64_t> extents_on_host_;
  mutable DeviceBuffer<std::int64_t> extents_, lengths_;
  mutable DeviceBuffer<kernels::PathCell> cells_;
  mutable DeviceBuffer<double> values_;
  mutable DeviceBuffer<std::byte> workspace_;
};

}  // namespace

std::shared_ptr<const NetworkKernels<float>> make_cuda_network_kernels() {
  return std::make_shared<CudaNetworkKernels>();
}

}  // namespace alignment::lrprop
