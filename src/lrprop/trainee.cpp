#include "src/lrprop/trainee.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "dist/agreement.hpp"
#include "io/bytes/digest.hpp"
#include "src/job/agreed.hpp"
#include "src/job/fault_point.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/config/config_keys.hpp"
#include "src/training/samples/random.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment::lrprop {
namespace {

/// Places in the train scores.
enum TrainScore : std::size_t { kLoss, kSame, kProp, kSdtw, kCosine, kGradNorm, kTrainScores };

ScoreNames score_names_of(const Validation* validation) {
  ScoreNames names;
  names.train = {{"loss", "loss", true}, {"same", "same", true},     {"prop", "prop", true},
                 {"sdtw", "sdtw", true}, {"cosine", "cosine", true}, {"grad_norm", "gradient norm", true}};
  names.units = "pairs";
  if (validation != nullptr) validation->name_scores(names);
  return names;
}

NetworkSettings network_settings(const Config& config, const ModelContent& content, const CudaDevice* gpu,
                                 int threads) {
  return {content.sizes,
          content.dropout,
          config.loss,
          config.train.batch_norm,
          config.train.weight_decay,
          config.train.clip_norm,
          content.feature_mean,
          content.feature_scale,
          threads,
          gpu == nullptr ? NetworkSettings::kNoGpu : gpu->index(),
          gpu == nullptr ? nullptr : gpu->kernels()};
}

}  // namespace

LrpropTrainee::LrpropTrainee(const Config& config, dist::Communicator& communicator, Dataset& dataset,
                             const PairCurriculum& curriculum, ModelContent content, CudaDevice* gpu,
                             PhaseClock& phases, int threads, Validation* validation, WriteModel write)
    : config_(config),
      communicator_(communicator),
      dataset_(dataset),
      curriculum_(curriculum),
      content_(std::move(content)),
      gpu_(gpu),
      phases_(phases),
      validation_(validation),
      write_(write),
      names_(score_names_of(validation)),
      network_(network_settings(config, content_, gpu, threads), content_.weights, content_.statistics) {
  if (content_.training) network_.load_moments(content_.training->first_moment, content_.training->second_moment);
  content_.weights = content_.statistics = {};
  content_.training.reset();
}

std::int64_t LrpropTrainee::begin_epoch(EpochStart start) {
  agreed(communicator_, [&] { fault_point(FaultPoint::kEpoch, start.step); });
  io::Digest digest;
  digest.add(network_.weights());
  if (!dist::same_on_all_ranks(communicator_, digest.value()) && communicator_.is_root()) {
    log_warning(fmt::format("epoch {}: ranks hold different weights (unlike processors?)", start.epoch));
  }
  epoch_ = start.epoch;
  sdtw_sum_ = cosine_sum_ = cosine_pairs_ = 0;
  const std::int64_t step_size = pairs_per_step(config_, communicator_.size());
  const std::vector<std::int64_t> order =
      curriculum_.order(static_cast<std::uint64_t>(config_.train.seed), start.epoch);
  std::map<std::int64_t, std::int64_t> place_of;
  for (std::size_t n = 0; n < order.size(); ++n) place_of[order[n]] = static_cast<std::int64_t>(n) % step_size;
  units_ = start.batches;
  places_.clear();
  std::vector<std::vector<std::int64_t>> videos;  // of each step, two a pair
  for (const std::vector<std::int64_t>& units : units_) {
    std::vector<std::int64_t>& of_step = videos.emplace_back();
    std::vector<std::int64_t>& places = places_.emplace_back();
    for (const std::int64_t unit : units) {
      places.push_back(place_of.at(unit));
      for (const std::int64_t video : curriculum_.videos(unit)) of_step.push_back(video);
    }
  }
  std::reverse(units_.begin(), units_.end());
  std::reverse(places_.begin(), places_.end());
  agreed(communicator_, [&] {
    dataset_.require_unchanged();
    dataset_.stream.start(std::move(videos));
  });
  return 1;  // every step has sums over ranks on its way
}

TrainingPair LrpropTrainee::training_pair(const io::SampleBatch& batch, std::size_t pair) const {
  TrainingPair made;
  const std::int64_t unit = units_now_[pair];
  made.views = curriculum_.views(unit, epoch_);
  const auto draw = static_cast<std::uint64_t>(curriculum_.draw_number(unit, epoch_));
  for (std::size_t side = 0; side < 2; ++side) {
    made.features[side] = batch.features[2 * pair + side];
    for (std::uint64_t view = 0; view < 2; ++view) {
      constexpr std::uint64_t kStream = 0x64726F706F7574U;  // "dropout": a stream of its own
      made.dropout_keys[side][view] = Random{static_cast<std::uint64_t>(config_.train.seed), kStream, draw,
                                             static_cast<std::uint64_t>(made.views.videos[side]), view}
                                          .next();
    }
  }
  return made;
}

void LrpropTrainee::compute(const Step&) {
  const auto timer = phases_.time(Phase::kRead);
  const io::SampleBatch& batch = dataset_.next_batch();
  units_now_ = std::move(units_.back());
  units_.pop_back();
  pairs_.clear();
  for (std::size_t pair = 0; pair < units_now_.size(); ++pair) {
    pairs_.push_back(training_pair(batch, pair));
    pairs_.back().place = places_.back()[pair];
  }
  places_.pop_back();
}

void LrpropTrainee::apply(const Step& step) {
  const SumOverRanks sum = [&](std::span<double> values) {
    const auto timer = phases_.time(Phase::kReduce);
    communicator_.all_reduce(values, dist::Reduction::kSum);
  };
  const SumFloatsOverRanks sum_floats = [&](std::span<float> values) {
    const auto timer = phases_.time(Phase::kReduce);
    if (gpu_ != nullptr) return gpu_->sum(values);
    communicator_.all_reduce(values, dist::Reduction::kSum);
  };
  StepTotals totals{Scores(kTrainScores, 0.0), -1, false};
  std::vector<PairTerms> terms;
  {
    const auto timer = phases_.time(Phase::kForward);
    terms = network_.forward(pairs_, step.samples, sum);
  }
  for (std::size_t pair = 0; pair < terms.size(); ++pair) {
    const PairTerms& of_pair = terms[pair];
    totals.sums[kLoss] += of_pair.loss;
    totals.sums[kSame] += of_pair.same;
    totals.sums[kProp] += of_pair.prop;
    totals.sums[kSdtw] += of_pair.sdtw;
    totals.sums[kCosine] += of_pair.cosine;
    if (!std::isfinite(of_pair.loss) && totals.first_not_finite < 0) totals.first_not_finite = units_now_[pair];
  }
  {
    const auto timer = phases_.time(Phase::kBackward);
    network_.backward(sum);
  }
  const double norm = network_.reduce(sum_floats, sum);
  totals.sums[kGradNorm] = norm * static_cast<double>(terms.size());
  std::vector<double> of_all{totals.sums[kCosine], totals.first_not_finite < 0 ? 0.0 : 1.0, totals.sums[kSdtw]};
  communicator_.all_reduce(std::span(of_all), dist::Reduction::kSum);
  cosine_sum_ += of_all[0];
  sdtw_sum_ += of_all[2];
  cosine_pairs_ += static_cast<double>(step.samples);
  totals.refused = !std::isfinite(norm) || of_all[1] > 0;
  if (!totals.refused) {
    const auto timer = phases_.time(Phase::kUpdate);
    network_.update(norm, step.learning_rate, step.number);
  }
  applied_.push_back(std::move(totals));
}

void LrpropTrainee::end_epoch() {
  if (cosine_pairs_ == 0) return;
  const double cosine = cosine_sum_ / cosine_pairs_;
  const bool collapsed = has_collapsed(cosine, sdtw_sum_);
  if (collapsed && !alarmed_ && communicator_.is_root()) {
    const LossConfig& loss = config_.loss;
    std::string advice = loss.lambda_sdtw > 0 ? "lower loss.lambda_sdtw" : "lower train.lr";
    if (loss.lambda_sdtw > 0 && loss.sdtw_reduction != SdtwReduction::kMean) {
      advice += ", or use loss.sdtw_reduction = \"mean\"";
    }
    log_warning(fmt::format(
        "collapse: found a mean cosine of {:.3f} between the projected frames of a video and a soft-DTW of {:.3g} in "
        "epoch {}; expected less than {}, or {} where soft-DTW is below 0; the embedding no longer tells frames apart: "
        "{}",
        cosine, sdtw_sum_ / cosine_pairs_, epoch_ + 1, kCollapsedCosine, kSuspectCosine, advice));
  }
  alarmed_ = collapsed || (alarmed_ && cosine > kRecoveredCosine);
}

double LrpropTrainee::cosine_of(const EpochScores& scores) {
  return scores.train.at(kCosine);
}

bool LrpropTrainee::validates_after(std::int64_t epoch, std::int64_t epochs) const {
  return validation_ != nullptr && validation_->is_due(epoch, epochs);
}

Scores LrpropTrainee::validate() {
  return validation_->validate(network_);
}

ModelContent LrpropTrainee::content(const Course& course) const {
  ModelContent content = content_;
  content.weights = network_.weights();
  content.statistics = network_.statistics();
  content.epoch = course.last.epoch;
  content.config = to_toml(config_);
  content.training.reset();
  return content;
}

FileContent LrpropTrainee::model(const Course& course) {
  return [write = write_, content = content(course)](const std::filesystem::path& file) { write(file, content); };
}

FileContent LrpropTrainee::checkpoint(const Course& course) {
  ModelContent all = content(course);
  auto [first, second] = network_.moments();
  all.training = TrainingState{course,
                               pairs_per_step(config_, communicator_.size()),
                               std::move(first),
                               std::move(second),
                               dataset_.store.phase_identity(),
                               curriculum_.plan_identity()};
  return [write = write_, content = std::move(all)](const std::filesystem::path& file) { write(file, content); };
}

std::int64_t pairs_per_step(const Config& config, dist::WorldSize ranks) {
  if (!config.train.plan.empty()) return 1;
  return config.train.pairs_per_step > 0 ? config.train.pairs_per_step : config.train.pairs_per_rank * ranks.value;
}

LoopSettings loop_settings(const Config& config, dist::WorldSize ranks) {
  const auto learning_rate = [lr = config.train.lr, schedule = config.train.schedule](std::int64_t epoch,
                                                                                      std::int64_t epochs) {
    if (schedule == Schedule::kConstant) return lr;
    return cosine_learning_rate(lr, epoch, schedule == Schedule::kCarl ? epochs + 1 : epochs);
  };
  return {pairs_per_step(config, ranks), learning_rate, static_cast<std::uint64_t>(config.train.seed), config.run};
}

std::vector<std::string> known_to_collapse(const Config& config) {
  std::vector<std::string> lines;
  const LossConfig& loss = config.loss;
  constexpr double kTooMuch = 0.4;
  if (loss.sdtw_reduction == SdtwReduction::kSum && loss.lambda_sdtw >= kTooMuch &&
      loss.regularizer == Regularizer::kNone) {
    lines.push_back(
        fmt::format("loss.lambda_sdtw = {} with loss.sdtw_reduction = \"sum\" is known to make all frames of a video "
                    "alike; use \"mean\", or a weight far below {}",
                    loss.lambda_sdtw, kTooMuch));
  }
  return lines;
}

}  // namespace alignment::lrprop
