#include "src/lrprop/network/losses.hpp"

#include <algorithm>

namespace alignment::lrprop {
namespace {

using torch::Tensor;

/// The rows of both views of a video.
std::array<Tensor, 2> views_of(const Tensor& rows, std::int64_t first) {
  return {rows.narrow(0, 0, first), rows.narrow(0, first, rows.size(0) - first)};
}

Tensor positions_of(const FrameIndices& frames, const Tensor& like) {
  const Tensor numbers =
      torch::from_blob(const_cast<std::int64_t*>(frames.data()), {static_cast<std::int64_t>(frames.size())},  // NOLINT
                       torch::kInt64);
  return numbers.to(like.options(), /*non_blocking=*/false, /*copy=*/true);
}

/// mean_j KL(p(.|j) || q(.|j)). `similarity` [m,n] of rows j to rows i, `own` [m] and `other` [n] their positions.
Tensor divergence(const Tensor& similarity, const Tensor& own, const Tensor& other, double sigma2) {
  Tensor prior, log_prior;
  {
    const torch::NoGradGuard fixed;
    log_prior = torch::log_softmax((own.unsqueeze(1) - other.unsqueeze(0)).square().mul_(-0.5 / sigma2), 1);
    prior = log_prior.exp();
  }
  const Tensor log_similarity = torch::log_softmax(similarity, 1);
  return (prior * (log_prior - log_similarity)).sum() / similarity.size(0);
}

/// LAV's Contrastive-IDM of one view.
Tensor contrastive_idm(const Tensor& rows, const Tensor& positions, const LossConfig& config) {
  const Tensor squares = (2 - 2 * rows.matmul(rows.t())).clamp_min(1e-12);
  const Tensor distances = squares.sqrt();
  const Tensor apart = (positions.unsqueeze(1) - positions.unsqueeze(0)).square();
  const Tensor near = apart.le(config.idm_sigma * config.idm_sigma).to(rows.options());
  const Tensor weights = apart + 1;
  return (near * distances / weights + (1 - near) * weights * (config.idm_margin - distances).relu()).mean();
}

/// Mean cosine of two different rows; 0 of a single one.
double mean_cosine(const Tensor& rows) {
  const torch::NoGradGuard fixed;
  const auto count = static_cast<double>(rows.size(0));
  if (count < 2) return 0;
  const double all = rows.sum(0, false, torch::kFloat64).square().sum().item<double>();
  const double own = rows.to(torch::kFloat64).square().sum().item<double>();
  return (all - own) / (count * (count - 1));
}

Tensor gathered(const Tensor& positions, const std::vector<std::int64_t>& which) {
  return positions.index_select(0, torch::tensor(which, torch::kInt64).to(positions.device()));
}

}  // namespace

PairLoss pair_loss(const std::array<Tensor, 2>& rows, const PairViews& pair, const LossConfig& config,
                   const PairAligner& aligner) {
  std::array<Tensor, 2> leaves;
  std::array<std::array<Tensor, 2>, 2> views, positions;  // [video][view]
  std::array<std::int64_t, 2> first{};
  PairLoss result;
  for (std::size_t video = 0; video < 2; ++video) {
    leaves[video] = rows[video].detach().requires_grad_();
    first[video] = static_cast<std::int64_t>(pair.frames[2 * video].size());
    views[video] = views_of(leaves[video], first[video]);
    for (std::size_t view = 0; view < 2; ++view) {
      positions[video][view] = positions_of(pair.frames[2 * video + view], rows[video]);
      result.terms.cosine += mean_cosine(views[video][view]) / 4;
    }
  }

  // L_same: the similarities of two views serve both directions.
  Tensor same = torch::zeros({}, rows[0].options());
  for (std::size_t video = 0; video < 2; ++video) {
    const auto& [a, b] = views[video];
    const Tensor similarity = b.matmul(a.t()) / config.temperature;
    same = same + divergence(similarity, positions[video][1], positions[video][0], config.sigma2) +
           divergence(similarity.t(), positions[video][0], positions[video][1], config.sigma2);
  }
  same = same / 4;

  // What hard DTW and soft-DTW say of the pairs of views.
  std::array<double, 4> scale{};
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t b = 0; b < 2; ++b) {
      const auto lengths = static_cast<double>(views[0][a].size(0) + views[1][b].size(0));
      scale[2 * a + b] = (config.sdtw_reduction == SdtwReduction::kMean ? 2 / lengths : 1) / 4;
    }
  }
  const PairAlignment alignment =
      aligner.align({rows[0].detach(), rows[1].detach()}, first, config.gamma, scale, config.lambda_sdtw > 0);
  for (std::size_t n = 0; n < scale.size(); ++n) result.terms.sdtw += scale[n] * alignment.views[n].soft_dtw;

  // L_prop
  Tensor prop = torch::zeros({}, rows[0].options());
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t b = 0; b < 2; ++b) {
      const ViewAlignment& path = alignment.views[2 * a + b];
      const Tensor similarity = views[1][b].matmul(views[0][a].t()) / config.temperature;
      prop = prop + divergence(similarity, positions[1][b], gathered(positions[1][b], path.of_a), config.sigma2) +
             divergence(similarity.t(), positions[0][a], gathered(positions[0][a], path.of_b), config.sigma2);
    }
  }
  prop = prop / 8;

  Tensor total = config.lambda_same * same + config.lambda_prop * prop;
  if (config.regularizer == Regularizer::kContrastiveIdm) {
    Tensor regularizer = torch::zeros({}, rows[0].options());
    for (std::size_t video = 0; video < 2; ++video) {
      for (std::size_t view = 0; view < 2; ++view) {
        regularizer = regularizer + contrastive_idm(views[video][view], positions[video][view], config) / 4;
      }
    }
    total = total + config.regularizer_weight * regularizer;
    result.terms.regularizer = regularizer.item<double>();
  }
  const std::vector<Tensor> gradients = torch::autograd::grad({total}, {leaves[0], leaves[1]});
  for (std::size_t video = 0; video < 2; ++video) {
    result.gradient[video] =
        config.lambda_sdtw > 0 ? gradients[video].add(alignment.gradient[video], config.lambda_sdtw) : gradients[video];
  }
  result.terms.same = same.item<double>();
  result.terms.prop = prop.item<double>();
  result.terms.loss = config.lambda_same * result.terms.same + config.lambda_prop * result.terms.prop +
                      config.lambda_sdtw * result.terms.sdtw + config.regularizer_weight * result.terms.regularizer;
  return result;
}

}  // namespace alignment::lrprop
