#pragma once

#include <cstdint>
#include <memory>

#include "kernels/dropout.hpp"
#include "kernels/dtw.hpp"
#include "kernels/pairwise.hpp"
#include "kernels/soft_dtw.hpp"

namespace alignment::lrprop {

/// The project's kernels where a network computes: on the CPU or a GPU. Pointers are to memory there unless
/// said to be the host's. Results are there when a call returns, or in the order of the device's default stream. Any
/// thread may call; on a GPU one at a time.
template <typename Real>
class NetworkKernels {
 public:
  virtual ~NetworkKernels() = default;
  NetworkKernels() = default;
  NetworkKernels(const NetworkKernels&) = delete;
  NetworkKernels& operator=(const NetworkKernels&) = delete;

  /// pairwise_distances() of kernels/pairwise.hpp.
  virtual void distances(const kernels::RowsView<Real>& a, const kernels::RowsView<Real>& b, Real* distances) const = 0;
  /// pairwise_gradient().
  virtual void gradient(const kernels::RowsView<Real>& a, const kernels::RowsView<Real>& b, const Real* distances,
                        const Real* distance_gradient, Real* a_gradient, Real* b_gradient) const = 0;
  /// dtw_paths() of kernels/dtw.hpp. Of `matrices` only the values are on the device; cells and lengths are the host's.
  virtual void paths(const kernels::MatricesView<Real>& matrices, kernels::PathCell* cells,
                     std::int64_t* lengths) const = 0;
  /// soft_dtw() of kernels/soft_dtw.hpp, with `values` in the host's memory. `alignments` may be nullptr.
  virtual void soft_dtw(const kernels::MatricesView<Real>& matrices, double gamma, double* values,
                        Real* alignments) const = 0;
  /// dropout_mask() of kernels/dropout.hpp.
  virtual void dropout_mask(const kernels::DropoutDraw& draw, std::int64_t count, Real* mask) const = 0;

  /// Waits for all that was asked for; the process ends with 14 where a GPU takes longer than its timeout.
  virtual void finish() const = 0;
};

template <typename Real>
[[nodiscard]] std::unique_ptr<NetworkKernels<Real>> make_cpu_network_kernels();

}  // namespace alignment::lrprop
