#include <cstddef>
#include <memory>

#include "io/bytes/aligned_memory.hpp"
#include "src/lrprop/network/network_kernels.hpp"

namespace alignment::lrprop {
namespace {

/// Memory of a thread that kernels work in, aligned as they ask for; it only grows.
std::byte* scratch(std::size_t bytes) {
  thread_local io::AlignedBytes memory;
  thread_local std::size_t capacity = 0;
  if (capacity < bytes) {
    memory = io::allocate_aligned(bytes);
    capacity = bytes;
  }
  return memory.get();
}

template <typename Real>
class CpuNetworkKernels final : public NetworkKernels<Real> {
 public:
  void distances(const kernels::RowsView<Real>& a, const kernels::RowsView<Real>& b, Real* distances) const override {
    kernels::cpu::pairwise_distances(
        a, b, distances, scratch(kernels::cpu::pairwise_distances_workspace_bytes<Real>(b.count, b.width)), kThreads);
  }

  void gradient(const kernels::RowsView<Real>& a, const kernels::RowsView<Real>& b, const Real* distances,
                const Real* distance_gradient, Real* a_gradient, Real* b_gradient) const override {
    kernels::cpu::pairwise_gradient(a, b, distances, distance_gradient, a_gradient, b_gradient,
                                    scratch(kernels::cpu::pairwise_gradient_workspace_bytes<Real>(a.count, b.count)),
                                    kThreads);
  }

  void paths(const kernels::MatricesView<Real>& matrices, kernels::PathCell* cells,
             std::int64_t* lengths) const override {
    kernels::cpu::dtw_paths(matrices, cells, lengths, nullptr,
                            scratch(kernels::cpu::dtw_paths_workspace_bytes(matrices, kThreads)), kThreads);
  }

  void soft_dtw(const kernels::MatricesView<Real>& matrices, double gamma, double* values,
                Real* alignments) const override {
    const bool backward = alignments != nullptr;
    kernels::cpu::soft_dtw(matrices, gamma, values, alignments,
                           scratch(kernels::cpu::soft_dtw_workspace_bytes(matrices, backward, kThreads)), kThreads);
  }

  void dropout_mask(const kernels::DropoutDraw& draw, std::int64_t count, Real* mask) const override {
    kernels::cpu::dropout_mask(draw, count, mask);
  }

  void finish() const override {}  // calls return when they are done

 private:
  static constexpr int kThreads = 1;  ///< pairs are what threads share
};

}  // namespace

template <typename Real>
std::unique_ptr<NetworkKernels<Real>> make_cpu_network_kernels() {
  return std::make_unique<CpuNetworkKernels<Real>>();
}
template std::unique_ptr<NetworkKernels<float>> make_cpu_network_kernels();
template std::unique_ptr<NetworkKernels<double>> make_cpu_network_kernels();

}  // namespace alignment::lrprop
