#include "src/dejavid/cpu/engine.hpp"

#include <cmath>
#include <utility>

#include "kernels/loss.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/job/fault_point.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment::dejavid {
namespace {

std::vector<float> resting_log_weights(const std::vector<float>& spread) {
  std::vector<float> rest(spread);
  for (float& value : rest) value = -std::log(value);
  return rest;
}

}  // namespace

CpuEngine::CpuEngine(const Config& config, dist::Communicator& communicator, Dataset& dataset, const Model& model,
                     int threads, PhaseClock& phases)
    : config_(config),
      communicator_(communicator),
      dataset_(dataset),
      phases_(phases),
      group_(gradient_group(config.train.batch_size)),
      aligner_(dataset, model, tie_sign_of(config.train.profile), threads),
      threads_(threads),
      centroid_units_{model.spread, std::vector<float>(model.spread.size(), 0.0F)},
      log_weight_units_{std::vector<float>(model.spread.size(), 1.0F), resting_log_weights(model.spread)},
      probabilities_(static_cast<std::size_t>(model.classes)) {
  for (Parameters* zero : {&gradient_, &moments_.first, &moments_.second}) {
    zero->centroids.assign(model.centroids.size(), 0.0F);
    zero->log_weights.assign(model.log_weights.size(), 0.0F);
  }
  load(model);
}

void CpuEngine::load(const Parameters& live) {
  live_ = live;
  aligner_.set_live(live_);
}

void CpuEngine::load(const Moments& moments) {
  const auto restore = [](Parameters& mine, const Parameters& saved) {
    if (!saved.centroids.empty()) mine.centroids = saved.centroids;
    if (!saved.log_weights.empty()) mine.log_weights = saved.log_weights;
  };
  restore(moments_.first, moments.first);
  restore(moments_.second, moments.second);
}

void CpuEngine::fetch(Parameters& live) {
  live = live_;
}

void CpuEngine::fetch(Moments& moments) {
  moments = moments_;
}

void CpuEngine::set_frozen(const Parameters& frozen) {
  aligner_.set_frozen(frozen);
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
  // 1. paths, by the parameters of the epoch's start or of now (train.refresh)
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
    fault_point(FaultPoint::kGradient, rates.step - 1, std::as_writable_bytes(aligner_.gradient_sums()));
    communicator_.all_reduce(aligner_.gradient_sums(), dist::Reduction::kSum);
    fault_point(FaultPoint::kUpdate, rates.step - 1, std::as_writable_bytes(aligner_.gradient_sums()));
  }
  // 4. update, the same on every rank
  const auto timer = phases_.time(Phase::kUpdate);
  // The sums are the same on every rank, and so is what is decided here.
  current_.refused = !aligner_.parameter_gradient(gradient_);
  applied_.push_back(current_);
  if (current_.refused) return;
  if (rates.centroid_lr > 0) update(&Parameters::centroids, centroid_units_, rates.centroid_lr, rates);
  if (rates.log_weight_lr > 0) update(&Parameters::log_weights, log_weight_units_, rates.log_weight_lr, rates);
  aligner_.set_live(live_);
}

void CpuEngine::update(std::vector<float> Parameters::*group, const Units& units, double lr,
                       const kernels::UpdateRates& rates) {
  const kernels::StepUnits<float> step_units{units.unit.empty() ? nullptr : units.unit.data(), units.rest.data(),
                                             static_cast<std::int64_t>(units.unit.size())};
  kernels::cpu::adamw({(live_.*group).data(), (moments_.first.*group).data(), (moments_.second.*group).data()},
                      static_cast<std::int64_t>((live_.*group).size()), (gradient_.*group).data(), lr,
                      rates.weight_decay, rates.step, step_units, threads_);
}

std::vector<StepTotals> CpuEngine::collect() {
  return std::exchange(applied_, {});
}

StepTotals CpuEngine::batch_loss(const io::SampleBatch& batch, std::span<const double> distances,
                                 std::int64_t batch_samples) {
  const std::size_t classes = probabilities_.size();
  const kernels::LossRule rule = config_.train.loss_rule();
  distance_gradient_.resize(distances.size());
  StepTotals totals{.sums = {0, 0}};
  for (std::size_t b = 0; b < batch.samples.size(); ++b) {
    const kernels::SampleLoss sample = kernels::cpu::sample_loss(
        distances.data() + b * classes, static_cast<std::int64_t>(classes), batch.labels[b], rule,
        1 / static_cast<double>(batch_samples), probabilities_.data(), distance_gradient_.data() + b * classes);
    totals.sums[kTrainLoss] += sample.loss;
    totals.sums[kTrainTop1] += sample.prediction == batch.labels[b] ? 1 : 0;
    if (!std::isfinite(sample.loss) && totals.first_not_finite < 0) totals.first_not_finite = batch.samples[b];
  }
  return totals;
}

}  // namespace alignment::dejavid
