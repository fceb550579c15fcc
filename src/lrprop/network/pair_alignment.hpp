#pragma once

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/lrprop/network/network_kernels.hpp"

namespace alignment::lrprop {

/// How a view of video A and one of video B lie beside each other.
struct ViewAlignment {
  std::vector<std::int64_t> of_a;  ///< [n] the first frame of b beside each of a, on the path with b's frames as rows
  std::vector<std::int64_t> of_b;  ///< [m] the first frame of a beside each of b, on the path with a's frames as rows
  double soft_dtw = 0;
};

/// The four pairs of views (a0 b0, a0 b1, a1 b0, a1 b1) of two videos.
struct PairAlignment {
  std::array<ViewAlignment, 4> views;
  std::array<torch::Tensor, 2> gradient;  ///< of sum_n scale_n soft_dtw_n in both videos' rows, where asked for
};

/// Aligns pairs with the kernels of one device; f64 on the CPU alone.
class PairAligner {
 public:
  /// nullptr: what the network does not compute in.
  PairAligner(std::shared_ptr<const NetworkKernels<float>> of_floats,
              std::shared_ptr<const NetworkKernels<double>> of_doubles)
      : of_floats_(std::move(of_floats)), of_doubles_(std::move(of_doubles)) {}

  /// `rows` [n_0 + n_1, E] of both videos, on that device; `first`: rows of each one's first view. Each distance matrix
  /// is computed once, for both directions of hard DTW and for soft-DTW.
  [[nodiscard]] PairAlignment align(const std::array<torch::Tensor, 2>& rows, const std::array<std::int64_t, 2>& first,
                                    double gamma, const std::array<double, 4>& scale, bool with_gradient) const;

 private:
  std::shared_ptr<const NetworkKernels<float>> of_floats_;
  std::shared_ptr<const NetworkKernels<double>> of_doubles_;
};

}  // namespace alignment::lrprop
