#pragma once

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

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

/// Alignments by the project's kernels, where the rows lie.
class PairAligner {
 public:
  virtual ~PairAligner() = default;
  PairAligner() = default;
  PairAligner(const PairAligner&) = delete;
  PairAligner& operator=(const PairAligner&) = delete;

  /// `rows` [n_0 + n_1, E] of both videos, on this aligner's device; `first`: rows of each one's first view. Any thread
  /// may call it.
  [[nodiscard]] virtual PairAlignment align(const std::array<torch::Tensor, 2>& rows,
                                            const std::array<std::int64_t, 2>& first, double gamma,
                                            const std::array<double, 4>& scale, bool with_gradient) const = 0;
};

/// On the CPU, f32 or f64.
[[nodiscard]] std::unique_ptr<PairAligner> make_cpu_aligner();

}  // namespace alignment::lrprop
