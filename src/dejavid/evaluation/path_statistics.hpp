#pragma once

#include <cstdint>
#include <span>

namespace alignment::dejavid {

/// The most centroid steps that a path spends on one sample step, as a share of all K. `breakpoints` [K-1] of a path
/// through K x T (kernels/tensors.hpp).
[[nodiscard]] double largest_share_on_one_step(std::span<const std::int32_t> breakpoints, std::int64_t length);

/// How the paths of some samples to their predicted classes run: sums over the samples.
struct PathSums {
  double samples = 0;
  double halves = 0;          ///< paths that spend half of the centroid steps or more on one sample step
  double largest_shares = 0;  ///< of largest_share_on_one_step()

  void add(double largest_share);
};

}  // namespace alignment::dejavid
