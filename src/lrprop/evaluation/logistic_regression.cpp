#include "src/lrprop/evaluation/logistic_regression.hpp"

#include <lbfgs.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "src/lrprop/evaluation/matrices.hpp"

namespace alignment::lrprop {
namespace {

constexpr std::int64_t kRowsAtATime = 512;
constexpr int kMostSteps = 20'000;
constexpr double kSmallGradient = 1e-9;  ///< in the coordinates of the search, over the parameters' norm where above 1

/// The mean over frames of the objective, in the coordinates of the search: W = U A with A [E,E].
class Objective {
 public:
  Objective(const PooledFrames& frames, const std::vector<std::int32_t>& phases, const StopFlag& stop)
      : frames_(frames), stop_(stop), width_(frames.width()), classes_(static_cast<Eigen::Index>(phases.size())) {
    for (const std::int32_t label : frames.labels()) {
      targets_.push_back(std::lower_bound(phases.begin(), phases.end(), label) - phases.begin());
    }
    set_coordinates();
    weight_gradient_.resize(classes_, width_);
    intercept_gradient_.resize(classes_);
  }

  /// Parameters: U [classes,E] by columns, then b [classes].
  [[nodiscard]] Eigen::Index parameters() const { return classes_ * (width_ + 1); }
  [[nodiscard]] const Vector& means() const { return means_; }
  [[nodiscard]] bool stopped() const { return stop_; }

  [[nodiscard]] Matrix weights(const double* parameters) const {
    const Matrix searched = Eigen::Map<const Matrix>(parameters, classes_, width_);
    return searched * coordinates_;
  }
  [[nodiscard]] Vector intercepts(const double* parameters) const {
    return Eigen::Map<const Vector>(parameters + classes_ * width_, classes_);
  }

  /// The value; leaves the gradient with respect to W and b in the members, and to the parameters in `gradient`.
  double operator()(const double* parameters, double* gradient) {
    const Matrix weights = this->weights(parameters);
    const Vector intercepts = this->intercepts(parameters);
    const auto count = static_cast<double>(frames_.count());
    double loss = 0;
    weight_gradient_.setZero();
    intercept_gradient_.setZero();
    for_each_block(frames_.count(), kRowsAtATime, [&](std::int64_t first, std::int64_t rows) {
      const RowMatrix block = read_rows(frames_, first, rows).rowwise() - means_.transpose();
      Matrix logits = weights * block.transpose();  // [classes,rows]
      logits.colwise() += intercepts;
      for (Eigen::Index n = 0; n < rows; ++n) {
        const Eigen::Index target = targets_[static_cast<std::size_t>(first + n)];
        const double largest = logits.col(n).maxCoeff(), own = logits(target, n);
        double sum = 0;
        for (Eigen::Index c = 0; c < classes_; ++c) sum += logits(c, n) = std::exp(logits(c, n) - largest);
        loss += std::log(sum) + largest - own;
        logits.col(n) /= sum;
        logits(target, n) -= 1;
      }
      weight_gradient_.noalias() += logits * block;
      intercept_gradient_ += logits.rowwise().sum();
    });
    weight_gradient_ = (weight_gradient_ + weights) / count;
    intercept_gradient_ /= count;
    const Matrix searched = weight_gradient_ * coordinates_.transpose();
    std::copy(searched.data(), searched.data() + searched.size(), gradient);
    std::copy(intercept_gradient_.data(), intercept_gradient_.data() + classes_, gradient + searched.size());
    return (loss + weights.squaredNorm() / 2) / count;
  }

  [[nodiscard]] double largest_gradient() const {
    return std::max(weight_gradient_.cwiseAbs().maxCoeff(), intercept_gradient_.cwiseAbs().maxCoeff());
  }

 private:
  /// means_, and coordinates_ = (covariance / classes + 1 / N)^(-1/2): about the inverse root of the Hessian of W.
  void set_coordinates() {
    const auto count = static_cast<double>(frames_.count());
    means_ = Vector::Zero(width_);
    for_each_block(frames_.count(), kRowsAtATime, [&](std::int64_t first, std::int64_t rows) {
      means_ += read_rows(frames_, first, rows).colwise().sum().transpose();
    });
    means_ /= count;
    Matrix covariance = Matrix::Zero(width_, width_);
    for_each_block(frames_.count(), kRowsAtATime, [&](std::int64_t first, std::int64_t rows) {
      const RowMatrix block = read_rows(frames_, first, rows).rowwise() - means_.transpose();
      covariance.noalias() += block.transpose() * block;
    });
    const Eigen::SelfAdjointEigenSolver<Matrix> axes(covariance / count);
    const Vector scales = (axes.eigenvalues().array().max(0) / static_cast<double>(classes_) + 1 / count).rsqrt();
    coordinates_ = scales.asDiagonal() * axes.eigenvectors().transpose();
  }

  const PooledFrames& frames_;
  const StopFlag& stop_;
  Eigen::Index width_, classes_;
  std::vector<Eigen::Index> targets_;  ///< the class of each frame
  Vector means_;
  Matrix coordinates_;  ///< A
  Matrix weight_gradient_;
  Vector intercept_gradient_;
};

lbfgsfloatval_t evaluate_objective(void* objective, const lbfgsfloatval_t* parameters, lbfgsfloatval_t* gradient, int,
                                   lbfgsfloatval_t) {
  return (*static_cast<Objective*>(objective))(parameters, gradient);
}

/// Not 0 ends the search.
int look_for_stop(void* objective, const lbfgsfloatval_t*, const lbfgsfloatval_t*, lbfgsfloatval_t, lbfgsfloatval_t,
                  lbfgsfloatval_t, lbfgsfloatval_t, int, int, int) {
  return static_cast<Objective*>(objective)->stopped() ? 1 : 0;
}

struct FreeParameters {
  void operator()(lbfgsfloatval_t* parameters) const { lbfgs_free(parameters); }
};

}  // namespace

LogisticRegression::LogisticRegression(const PooledFrames& frames, const StopFlag& stop) : phases_(frames.labels()) {
  std::sort(phases_.begin(), phases_.end());
  phases_.erase(std::unique(phases_.begin(), phases_.end()), phases_.end());
  if (phases_.size() == 1) return;

  Objective objective(frames, phases_, stop);
  // Its vector instructions want a multiple of 16; what is added has no gradient and stays 0.
  const Eigen::Index padded = (objective.parameters() + 15) / 16 * 16;
  const std::unique_ptr<lbfgsfloatval_t[], FreeParameters> parameters(lbfgs_malloc(static_cast<int>(padded)));
  if (!parameters) throw std::bad_alloc();
  std::fill(parameters.get(), parameters.get() + padded, 0.0);
  lbfgs_parameter_t settings;
  lbfgs_parameter_init(&settings);
  settings.m = 20;
  settings.epsilon = kSmallGradient;
  settings.max_iterations = kMostSteps;
  // Whatever ends the search, the parameters are the best that it met: near the minimum rounding ends it.
  lbfgs(static_cast<int>(padded), parameters.get(), nullptr, evaluate_objective, look_for_stop, &objective, &settings);
  if (stop) throw FitStopped();

  std::vector<double> gradient(static_cast<std::size_t>(padded));
  objective(parameters.get(), gradient.data());
  gradient_ = objective.largest_gradient();
  const RowMatrix weights = objective.weights(parameters.get());
  const Vector intercepts = objective.intercepts(parameters.get());
  weights_.assign(weights.data(), weights.data() + weights.size());
  intercepts_.assign(intercepts.data(), intercepts.data() + intercepts.size());
  means_.assign(objective.means().data(), objective.means().data() + objective.means().size());
}

std::vector<std::int32_t> LogisticRegression::predict(const PooledFrames& frames) const {
  if (phases_.size() == 1) return std::vector<std::int32_t>(static_cast<std::size_t>(frames.count()), phases_.front());
  const auto classes = static_cast<Eigen::Index>(phases_.size());
  const RowMatrix weights = Eigen::Map<const RowMatrix>(weights_.data(), classes, frames.width());
  const Vector intercepts = Eigen::Map<const Vector>(intercepts_.data(), classes);
  const Vector means = Eigen::Map<const Vector>(means_.data(), frames.width());
  std::vector<std::int32_t> predicted;
  for_each_block(frames.count(), kRowsAtATime, [&](std::int64_t first, std::int64_t count) {
    const RowMatrix block = read_rows(frames, first, count).rowwise() - means.transpose();
    Matrix logits = weights * block.transpose();
    logits.colwise() += intercepts;
    for (Eigen::Index n = 0; n < count; ++n) {
      Eigen::Index best = 0;
      logits.col(n).maxCoeff(&best);  // of equals the first
      predicted.push_back(phases_[static_cast<std::size_t>(best)]);
    }
  });
  return predicted;
}

}  // namespace alignment::lrprop
