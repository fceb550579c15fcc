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

/// -(s_j - s_i)^2 / (2 sigma^2), [m,n], of the positions of rows j and columns i.
Tensor prior_logits(const Tensor& of_rows, const Tensor& of_columns, double sigma2) {
  return (of_rows.unsqueeze(1) - of_columns.unsqueeze(0)).square_().mul_(-0.5 / sigma2);
}

/// mean_j KL(p(.|j) || q(.|j)), softmax over dimension `over`: j are the matrices' rows where that is 1, else their
/// columns. Adds `weight` times its gradient in `similarity`, (q - p) / count, to `gradient`.
Tensor divergence(const Tensor& similarity, const Tensor& logits, std::int64_t over, double weight, Tensor& gradient) {
  const Tensor log_prior = torch::log_softmax(logits, over), prior = log_prior.exp();
  const Tensor log_similarity = torch::log_softmax(similarity, over);
  const auto count = static_cast<double>(similarity.size(1 - over));
  const Tensor terms = (log_prior - log_similarity).mul_(prior);
  gradient.add_(log_similarity.exp().sub_(prior), weight / count);
  return terms.sum() / count;
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
  const double all = rows.sum(0, false, torch::kFloat64).square_().sum().item<double>();
  const double own = rows.square().sum(torch::kFloat64).item<double>();
  return (all - own) / (count * (count - 1));
}

Tensor gathered(const Tensor& positions, const std::vector<std::int64_t>& which) {
  return positions.index_select(0, torch::tensor(which, torch::kInt64).to(positions.device()));
}

}  // namespace

PairLoss pair_loss(const std::array<Tensor, 2>& rows, const PairViews& pair, const LossConfig& config,
                   const PairAligner& aligner) {
  const torch::NoGradGuard fixed;
  std::array<std::array<Tensor, 2>, 2> views, gradients, positions;  // [video][view]
  std::array<std::int64_t, 2> first{};
  PairLoss result;
  for (std::size_t video = 0; video < 2; ++video) {
    const Tensor values = rows[video].detach();
    first[video] = static_cast<std::int64_t>(pair.frames[2 * video].size());
    result.gradient[video] = torch::zeros_like(values);
    views[video] = views_of(values, first[video]);
    gradients[video] = views_of(result.gradient[video], first[video]);
    for (std::size_t view = 0; view < 2; ++view) {
      positions[video][view] = positions_of(pair.frames[2 * video + view], values);
      result.terms.cosine += mean_cosine(views[video][view]) / 4;
    }
  }
  const auto similarity_of = [&](const Tensor& a, const Tensor& b) { return b.matmul(a.t()).div_(config.temperature); };
  // From a gradient in that to those in the rows.
  const auto pull_back = [&](const Tensor& gradient, const Tensor& a, const Tensor& b, Tensor& a_gradient,
                             Tensor& b_gradient) {
    a_gradient.addmm_(gradient.t(), b, 1, 1 / config.temperature);
    b_gradient.addmm_(gradient, a, 1, 1 / config.temperature);
  };

  // L_same: the similarities and priors of two views serve both directions.
  Tensor same = torch::zeros({}, rows[0].options());
  for (std::size_t video = 0; video < 2; ++video) {
    const auto& [a, b] = views[video];
    const Tensor similarity = similarity_of(a, b);
    const Tensor logits = prior_logits(positions[video][1], positions[video][0], config.sigma2);
    Tensor gradient = torch::zeros_like(similarity);
    for (const std::int64_t over : {1, 0}) {
      same += divergence(similarity, logits, over, config.lambda_same / 4, gradient);
    }
    pull_back(gradient, a, b, gradients[video][0], gradients[video][1]);
  }
  same /= 4;

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
      const Tensor &of_a = positions[0][a], &of_b = positions[1][b];
      const Tensor similarity = similarity_of(views[0][a], views[1][b]);
      Tensor gradient = torch::zeros_like(similarity);
      const double weight = config.lambda_prop / 8;
      prop += divergence(similarity, prior_logits(of_b, gathered(of_b, path.of_a), config.sigma2), 1, weight, gradient);
      prop += divergence(similarity, prior_logits(gathered(of_a, path.of_b), of_a, config.sigma2), 0, weight, gradient);
      pull_back(gradient, views[0][a], views[1][b], gradients[0][a], gradients[1][b]);
    }
  }
  prop /= 8;

  if (config.regularizer == Regularizer::kContrastiveIdm) {
    const torch::AutoGradMode graph(true);
    Tensor regularizer = torch::zeros({}, rows[0].options());
    std::vector<Tensor> leaves;
    for (std::size_t video = 0; video < 2; ++video) {
      for (std::size_t view = 0; view < 2; ++view) {
        leaves.push_back(views[video][view].detach().requires_grad_());
        regularizer = regularizer + contrastive_idm(leaves.back(), positions[video][view], config) / 4;
      }
    }
    const std::vector<Tensor> of_views = torch::autograd::grad({regularizer}, leaves);
    const torch::NoGradGuard again;
    for (std::size_t n = 0; n < of_views.size(); ++n) {
      gradients[n / 2][n % 2].add_(of_views[n], config.regularizer_weight);
    }
    result.terms.regularizer = regularizer.item<double>();
  }
  for (std::size_t video = 0; config.lambda_sdtw > 0 && video < 2; ++video) {
    result.gradient[video].add_(alignment.gradient[video], config.lambda_sdtw);
  }
  result.terms.same = same.item<double>();
  result.terms.prop = prop.item<double>();
  result.terms.loss = config.lambda_same * result.terms.same + config.lambda_prop * result.terms.prop +
                      config.lambda_sdtw * result.terms.sdtw + config.regularizer_weight * result.terms.regularizer;
  return result;
}

}  // namespace alignment::lrprop
