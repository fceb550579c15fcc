#pragma once

#include <torch/torch.h>

#include <array>
#include <cstdint>

#include "src/lrprop/config/config.hpp"
#include "src/lrprop/network/pair_alignment.hpp"
#include "src/lrprop/network/terms.hpp"
#include "src/lrprop/samples/views.hpp"

/// LRProp's losses of one pair of videos, from rows Z of unit length (projected embeddings of sampled frames) and the
/// frame numbers S that they were sampled at.
///
///   q(i|j)  = softmax_i z_b,j . z_a,i / tau                                                   (eq. 1)
///   L_same  = mean_j KL(p || q),  p(i|j) = softmax_i -(s_b,j - s_a,i)^2 / (2 sigma^2)         (eq. 2 to 4)
///             a and b the two views of a video: both videos, both directions
///   L_prop  = mean_j KL(p || q),  p(i|j) = softmax_i -(s_B,j - s_B,pi(i))^2 / (2 sigma^2)     (eq. 7 to 9)
///             pi(i) the first frame of B that hard DTW puts beside frame i of A: the four pairs of views, both
///             directions; no gradient goes through the path
///   L_sdtw  = soft-DTW of the four pairs of views, as it is or divided by (n + m) / 2         (eq. 10 and 11)
///   L       = lambda_same L_same + lambda_prop L_prop + lambda_sdtw L_sdtw, each a mean       (eq. 12)
///
/// The regularizer contrastive-idm (LAV) adds, as a mean over the four views, mean_ij of D_ij / (d^2 + 1) for frames d
/// = |s_i - s_j| <= idm_sigma apart and of (d^2 + 1) max(0, idm_margin - D_ij) for the others, D the l2 distance.
namespace alignment::lrprop {

/// Terms of a pair and dL/dZ. `rows`: of video A and B, [n_0 + n_1, E], the second view's behind the first's.
struct PairLoss {
  PairTerms terms;
  std::array<torch::Tensor, 2> gradient;
};
[[nodiscard]] PairLoss pair_loss(const std::array<torch::Tensor, 2>& rows, const PairViews& pair,
                                 const LossConfig& config, const PairAligner& aligner);

}  // namespace alignment::lrprop
