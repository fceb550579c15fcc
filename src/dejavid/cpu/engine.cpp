#include "src/dejavid/cpu/engine.hpp"

#include <cmath>
#include <utility>

#include "kernels/loss.hpp"
#include "src/job/fault_point.hpp"
#include "src/training/schedule.hpp"

namespace alignment {
namespace {

std::vector<float> resting_log_weights(const std::vector<float>& spread) {
  std::vector<float> rest(spread);
  for (float& value : rest) value = -std::log(value);
  return rest;
}

}  // namespace

void CpuEngine::Optimizer::update(std::vector<float>& parameters, const std::vector<float>& gradient, double lr,
                                  const kernels::UpdateRates& rates, int threads) {
  const kernels::StepUnits<float> units{unit.empty() ? nullptr : unit.data(), rest.data(),
                                        static_cast<std::int64_t>(unit.size())};
  kernels::cpu::adamw({parameters.data(), first_moment.data(), second_moment.data()},
                      static_cast<std::int64_t>(parameters.size()), gradient.data(), lr, rates.weight_decay, rates.step,
                      units, threads);
}

CpuEngine::CpuEngine(const Config& config, dist::Communicator& communicator, Dataset& dataset, const Model& model,
                     int threads, PhaseClock& phases)
    : config_(config),
      communicator_(communicator),
      dataset_(dataset),
      phases_(phases),
      group_(gradient_group(config.train.batch_size)),
      aligner_(dataset, model, tie_sign_of(config.train.profile), threads),
      threads_(threads),
      centroid_optimizer_{.unit = model.spread,
                          .rest = std::vector<float>(model.spread.size(), 0.0F),
                          .first_moment = std::vector<float>(model.centroids.size()),
                          .second_moment = std::vector<float>(model.centroids.size())},
      log_weight_optimizer_{.unit = std::vector<float>(model.spread.size(), 1.0F),
                            .rest = resting_log_weights(model.spread),
                            .first_moment = std::vector<float>(model.log_weights.size()),
                            .second_moment = std::vector<float>(model.log_weights.size())},
      centroid_gradient_(model.centroids.size()),
      log_weight_gradient_(model.log_weights.size()),
      probabilities_(static_cast<std::size_t>(model.classes)) {
  load(model);
}

void CpuEngine::load(const Model& model) {
  centroids_ = model.centroids;
  log_weights_ = model.log_weights;
  aligner_.set_live(centroids_, log_weights_);
}

void CpuEngine::load(const Moments& moments) {
  const auto restore = [](std::vector<float>& moment, const std::vector<float>& saved) {
    if (!saved.empty()) moment = saved;
  };
  restore(centroid_optimizer_.first_moment, moments.centroid_first);
  restore(centroid_optimizer_.second_moment, moments.centroid_second);
  restore(log_weight_optimizer_.first_moment, moments.log_weight_first);
  restore(log_weight_optimizer_.second_moment, moments.log_weight_second);
}

void CpuEngine::fetch(Model& model) {
  model.centroids = centroids_;
  model.log_weights = log_weights_;
}

void CpuEngine::fetch(Moments& moments) {
  moments.centroid_first = centroid_optimizer_.first_moment;
  moments.centroid_second = centroid_optimizer_.second_moment;
  moments.log_weight_first = log_weight_optimizer_.first_moment;
  moments.log_weight_second = log_weight_optimizer_.second_moment;
}

void CpuEngine::set_frozen(const std::vector<float>& centroids, const std::vector<float>& log_weights) {
  aligner_.set_frozen(centroids, log_weights);
}

void CpuEngine::start_epoch(std::vector<std::vector<std::int64_t>> batches) {
  dataset_.stream.start(std::move(batches));
}

void CpuEngine::compute(std::int64_t batch_samples) {
  const auto timed = [&](Phase phase, auto&& body) {
    const auto timer = phases_.time(phase);
    body();
  };
  const PathSource source = config_.train.refresh == Refresh::kEpoch ? PathSource::kFrozen : PathSource::kLive;
  const io::SampleBatch* batch = nullptr;
  timed(Phase::kRead, [&] { batch = &dataset_.next_batch(); });
  // 1. paths, which need nothing of this epoch's updates
  timed(Phase::kPaths, [&] {
    if (config_.train.path_precision == PathPrecision::kI8) {
      aligner_.search_quantized_paths(*batch, source);
    } else {
      aligner_.search_paths(*batch, source);
    }
  });
  // 2. distances along them with the live parameters, and the loss through the normalisation
  timed(Phase::kForward, [&] { current_ = batch_loss(*batch, aligner_.distances(), batch_samples); });
  // 3. gradient along them
  timed(Phase::kBackward, [&] { aligner_.compute_gradient(distance_gradient_, group_); });
}

void CpuEngine::apply(const kernels::UpdateRates& rates) {
  {
    const auto timer = phases_.time(Phase::kReduce);
    pass(FaultPoint::kGradient, rates.step - 1, std::as_writable_bytes(aligner_.gradient_sums()));
    communicator_.all_reduce(aligner_.gradient_sums(), dist::Reduction::kSum);
    pass(FaultPoint::kUpdate, rates.step - 1, std::as_writable_bytes(aligner_.gradient_sums()));
  }
  // 4. update, the same on every rank
  const auto timer = phases_.time(Phase::kUpdate);
  // The sums are the same on every rank, and so is what is decided here.
  current_.refused = !aligner_.parameter_gradient(centroid_gradient_, log_weight_gradient_);
  applied_.push_back(current_);
  if (current_.refused) return;
  if (rates.centroid_lr > 0) {
    centroid_optimizer_.update(centroids_, centroid_gradient_, rates.centroid_lr, rates, threads_);
  }
  if (rates.log_weight_lr > 0) {
    log_weight_optimizer_.update(log_weights_, log_weight_gradient_, rates.log_weight_lr, rates, threads_);
  }
  aligner_.set_live(centroids_, log_weights_);
}

std::vector<StepTotals> CpuEngine::collect() {
  return std::exchange(applied_, {});
}

StepTotals CpuEngine::batch_loss(const io::SampleBatch& batch, std::span<const double> distances,
                                 std::int64_t batch_samples) {
  const std::size_t classes = probabilities_.size();
  distance_gradient_.resize(distances.size());
  StepTotals totals{.sums = {0, 0}};
  for (std::size_t b = 0; b < batch.samples.size(); ++b) {
    const kernels::SampleLoss sample = kernels::cpu::sample_loss(
        distances.data() + b * classes, static_cast<std::int64_t>(classes), batch.labels[b],
        config_.train.logit_norm == LogitNorm::kLayernorm, 1 / static_cast<double>(batch_samples),
        probabilities_.data(), distance_gradient_.data() + b * classes);
    totals.sums[kTrainLoss] += sample.loss;
    totals.sums[kTrainTop1] += sample.prediction == batch.labels[b] ? 1 : 0;
    if (!std::isfinite(sample.loss) && totals.first_not_finite < 0) totals.first_not_finite = batch.samples[b];
  }
  return totals;
}

}  // namespace alignment
