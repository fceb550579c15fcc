#include "src/dejavid/trainer.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>

#include "dist/agreement.hpp"
#include "io/errors.hpp"
#include "src/dejavid/model_setup.hpp"
#include "src/dejavid/objective.hpp"
#include "src/dejavid/schedule.hpp"
#include "src/run/failure.hpp"
#include "src/run/log.hpp"
#include "src/run/signals.hpp"

namespace dejavid {
namespace {

kernels::TieSign tie_sign_of(Profile profile) {
  return profile == Profile::kPaper ? kernels::TieSign::kZero : kernels::TieSign::kMinusOne;
}

std::uint64_t digest_of(const std::vector<float>& values, std::uint64_t seed) {
  return XXH64(values.data(), values.size() * sizeof(float), seed);
}

}  // namespace

Trainer::Trainer(const Config& config, dist::Communicator& communicator, Dataset& dataset, Model& model, int threads,
                 const std::optional<io::TrainingState>& checkpoint)
    : config_(config),
      communicator_(communicator),
      dataset_(dataset),
      model_(model),
      training_(dataset.store.samples_of(io::Split::kTrain)),
      validation_(choose_split(dataset.store, config.eval.split)),
      group_(gradient_group(config.train.batch_size)),
      aligner_(model.classes, model.steps, model.feature_dim, model.diagonal, tie_sign_of(config.train.profile),
               threads),
      centroid_optimizer_(model.centroids.size(), config.train.weight_decay),
      log_weight_optimizer_(model.log_weights.size(), config.train.weight_decay),
      centroid_gradient_(model.centroids.size()),
      log_weight_gradient_(model.log_weights.size()),
      probabilities_(static_cast<std::size_t>(model.classes)),
      start_(std::chrono::steady_clock::now()) {
  set_torch_threads(threads);
  aligner_.set_live(model_.centroids, model_.log_weights);
  state_.order_seed = static_cast<std::uint64_t>(config.train.seed);
  state_.store_identity = dataset.store.identity();
  if (!checkpoint) return;

  state_ = *checkpoint;
  const auto restore = [](std::vector<float>& moment, std::vector<float>& saved) {
    if (!saved.empty()) moment = std::move(saved);
  };
  restore(centroid_optimizer_.first_moment(), state_.centroid_first_moment);
  restore(centroid_optimizer_.second_moment(), state_.centroid_second_moment);
  restore(log_weight_optimizer_.first_moment(), state_.log_weight_first_moment);
  restore(log_weight_optimizer_.second_moment(), state_.log_weight_second_moment);
  frozen_centroids_ = std::move(state_.frozen_centroids);
  frozen_log_weights_ = std::move(state_.frozen_log_weights);
  best_ = {state_.best_epoch, 0, 0, state_.best_val_loss, state_.best_val_top1, state_.best_val_top5};
}

bool Trainer::run(RunDirectory* run) {
  const std::int64_t total = config_.train.epochs * static_cast<std::int64_t>(training_.size());
  Progress progress(communicator_.is_root() ? config_.run.progress : ProgressChoice::kOff, "training", total, "samples",
                    state_.epoch * static_cast<std::int64_t>(training_.size()) + state_.epoch_samples);

  while (state_.epoch < config_.train.epochs) {
    const auto epoch_start = std::chrono::steady_clock::now();
    freeze();
    if (!train_epoch(run, progress)) return false;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - epoch_start).count();
    validate(state_.epoch);
    record_epoch(run, seconds);
    ++state_.epoch;
    state_.step_in_epoch = state_.epoch_samples = state_.epoch_correct = 0;
    state_.epoch_loss_sum = 0;
    save_checkpoint(run);
  }
  progress.finish();
  if (last_.epoch < 0) validate(state_.epoch - 1);  // nothing was left to train: the numbers of the model as it is
  save_model(run, run != nullptr ? run->model_file() : "", last_);
  return true;
}

/// Takes the epoch's frozen copy, or puts back the one of the epoch that a checkpoint interrupted. Every rank made the
/// same updates from the same sums, so the copies agree bit for bit; where unlike processors made them differ, rank 0's
/// count.
void Trainer::freeze() {
  if (state_.step_in_epoch == 0) {
    const std::uint64_t digest = digest_of(model_.log_weights, digest_of(model_.centroids, 0));
    if (!dist::same_on_all_ranks(communicator_, digest)) {
      log_warning(fmt::format("epoch {}: ranks hold different parameters (unlike processors?); all take rank 0's",
                              state_.epoch));
      communicator_.broadcast(std::span(model_.centroids), dist::Rank{0});
      communicator_.broadcast(std::span(model_.log_weights), dist::Rank{0});
      aligner_.set_live(model_.centroids, model_.log_weights);
    }
    frozen_centroids_ = model_.centroids;
    frozen_log_weights_ = model_.log_weights;
  }
  aligner_.set_frozen(frozen_centroids_, frozen_log_weights_);
}

bool Trainer::train_epoch(RunDirectory* run, Progress& progress) {
  const std::vector<std::int64_t> order =
      epoch_order(training_, config_.train.shuffle, state_.order_seed, state_.epoch);
  auto batches = rank_batches(order, config_.train.batch_size, group_, state_.step_in_epoch, communicator_.rank(),
                              communicator_.size());
  const std::size_t batch_count = batches.size();
  const double lr = cosine_learning_rate(config_.train.lr, state_.epoch, config_.train.epochs);
  dataset_.stream.start(std::move(batches));

  LocalPhase local;
  for (std::size_t k = 0; k < batch_count; ++k) {
    const std::int64_t begin = state_.step_in_epoch * config_.train.batch_size;
    const std::int64_t batch_samples =
        std::min(config_.train.batch_size, static_cast<std::int64_t>(order.size()) - begin);
    const std::optional<StepStats> stats = step(batch_samples, lr, local);
    if (!stats) {
      save_checkpoint(run);
      return false;
    }

    // ---- everything below only records what happened
    local.attempt([&] {
      if (run != nullptr) run->record(StepRecord{state_.epoch, state_.step, stats->loss, lr, stats->samples});
    });
    state_.epoch_loss_sum += stats->loss * static_cast<double>(stats->samples);
    state_.epoch_correct += stats->correct;
    state_.epoch_samples += stats->samples;
    ++state_.step;
    ++state_.step_in_epoch;
    progress.advance(stats->samples,
                     fmt::format("epoch {}/{} loss {:.4f}", state_.epoch + 1, config_.train.epochs, stats->loss));
    const std::int64_t every = config_.run.checkpoint_every_steps;
    if (every > 0 && state_.step % every == 0 && k + 1 < batch_count) save_checkpoint(run);
  }
  dist::agree(communicator_, local.failure);
  return true;
}

/// One optimizer step on a global batch of `batch_samples`, of which this rank takes its part. Nothing, and no update,
/// where some rank was asked to stop.
std::optional<StepStats> Trainer::step(std::int64_t batch_samples, double lr, LocalPhase& local) {
  const auto timed = [&](Phase phase, auto&& body) {
    const auto timer = phases_.time(phase);
    body();
  };
  BatchTotals totals;
  local.attempt([&] {
    const io::SampleBatch* batch = nullptr;
    timed(Phase::kRead, [&] { batch = &dataset_.stream.next(); });
    // 1. paths, which need nothing of this epoch's updates
    timed(Phase::kPaths, [&] { aligner_.search_paths(*batch, path_source()); });
    // 2. distances along them with the live parameters, and the loss through the normalisation
    timed(Phase::kForward, [&] { totals = batch_loss(*batch, aligner_.distances(), batch_samples); });
    // 3. gradient along them
    timed(Phase::kBackward, [&] { aligner_.compute_gradient(distance_gradient_, group_); });
  });
  if (dist::agree_with_flag(communicator_, local.failure, stop_requested() ? 1 : 0) != 0) return std::nullopt;
  timed(Phase::kReduce, [&] {
    communicator_.all_reduce(std::span<double>(totals.sums), dist::Reduction::kSum);
    communicator_.all_reduce(aligner_.gradient_sums(), dist::Reduction::kSum);
  });
  // 4. update, the same on every rank
  timed(Phase::kUpdate, [&] { update(totals, lr); });
  return StepStats{totals.loss() / static_cast<double>(batch_samples), totals.correct(), batch_samples};
}

PathSource Trainer::path_source() const {
  return config_.train.refresh == Refresh::kEpoch ? PathSource::kFrozen : PathSource::kLive;
}

Trainer::BatchTotals Trainer::batch_loss(const io::SampleBatch& batch, std::span<const double> distances,
                                         std::int64_t batch_samples) {
  const auto classes = static_cast<std::size_t>(model_.classes);
  distance_gradient_.resize(distances.size());
  BatchTotals totals;
  for (std::size_t b = 0; b < batch.samples.size(); ++b) {
    const Outcome outcome =
        evaluate_sample_with_gradient(distances.subspan(b * classes, classes), batch.labels[b],
                                      config_.train.logit_norm, 1 / static_cast<double>(batch_samples), probabilities_,
                                      std::span(distance_gradient_).subspan(b * classes, classes));
    totals.sums[0] += outcome.loss;
    totals.sums[1] += outcome.prediction == batch.labels[b] ? 1 : 0;
    if (totals.first_not_finite < 0 && !std::isfinite(outcome.loss)) totals.first_not_finite = batch.samples[b];
  }
  return totals;
}

void Trainer::update(const BatchTotals& totals, double lr) {
  // Sums are the same on every rank, and so is what is decided here. Parameters stay as they were.
  if (!aligner_.parameter_gradient(centroid_gradient_, log_weight_gradient_) || !std::isfinite(totals.loss())) {
    agreed(communicator_, [&] {
      if (totals.first_not_finite >= 0) {
        throw io::NotFiniteError(fmt::format(
            "{}: found a loss that is not finite in epoch {}, step {}; expected a number; lower train.lr, or check the "
            "scale of the features",
            dataset_.store.describe(totals.first_not_finite), state_.epoch, state_.step));
      }
    });
    agreed(communicator_, [&] {
      throw io::NotFiniteError(
          fmt::format("epoch {}, step {}: found a gradient that is not finite; expected numbers; lower train.lr",
                      state_.epoch, state_.step));
    });
  }
  if (config_.model.learn_centroids) {
    centroid_optimizer_.update(model_.centroids, centroid_gradient_, lr * config_.train.centroid_lr_ratio,
                               state_.step + 1);
  }
  if (config_.model.learn_weights) {
    log_weight_optimizer_.update(model_.log_weights, log_weight_gradient_, lr, state_.step + 1);
  }
  aligner_.set_live(model_.centroids, model_.log_weights);
}

/// The numbers of the epoch just trained, with validation by the parameters after it.
void Trainer::validate(std::int64_t epoch) {
  const auto timer = phases_.time(Phase::kEvaluate);
  last_ = Milestone{};
  last_.epoch = epoch;
  const auto samples = static_cast<double>(std::max(state_.epoch_samples, std::int64_t{1}));
  last_.train_loss = state_.epoch_loss_sum / samples;
  last_.train_top1 = static_cast<double>(state_.epoch_correct) / samples;
  if (validation_.samples.empty()) return;
  const PathSource source = config_.eval.paths == EvalPaths::kCurrent ? PathSource::kLive : PathSource::kFrozen;
  const Evaluation evaluation = evaluate(dataset_, validation_.samples, aligner_, source, config_, communicator_);
  last_.val_loss = evaluation.loss;
  last_.val_top1 = evaluation.top1;
  last_.val_top5 = evaluation.top5;
}

void Trainer::record_epoch(RunDirectory* run, double seconds) {
  const bool validated = !validation_.samples.empty();
  std::string line = fmt::format("epoch {}/{}: train loss {:.4f} top-1 {:.4f}", last_.epoch + 1, config_.train.epochs,
                                 last_.train_loss, last_.train_top1);
  if (validated) {
    line += fmt::format(", {} loss {:.4f} top-1 {:.4f} top-5 {:.4f}", validation_.name, last_.val_loss, last_.val_top1,
                        last_.val_top5);
  }
  log_info(fmt::format("{} ({:.1f} s)", line, seconds));
  agreed(communicator_, [&] {
    if (run == nullptr) return;
    run->record(EpochRecord{last_.epoch, last_.train_loss, last_.train_top1, validated, last_.val_loss, last_.val_top1,
                            last_.val_top5, seconds, static_cast<double>(state_.epoch_samples) / seconds});
  });
  if (validated && (best_.epoch < 0 || last_.val_top1 > best_.val_top1)) {
    best_ = last_;
    save_model(run, run != nullptr ? run->best_file() : "", best_);
  }
}

void Trainer::save_checkpoint(RunDirectory* run) {
  agreed(communicator_, [&] {
    if (run == nullptr) return;
    io::ModelContent content = model_content(last_);
    state_.best_epoch = best_.epoch;
    state_.best_val_loss = best_.val_loss;
    state_.best_val_top1 = best_.val_top1;
    state_.best_val_top5 = best_.val_top5;
    content.training = state_;
    io::TrainingState& training = *content.training;
    training.elapsed_seconds = elapsed_seconds();
    if (config_.model.learn_centroids) {
      training.centroid_first_moment = centroid_optimizer_.first_moment();
      training.centroid_second_moment = centroid_optimizer_.second_moment();
    }
    if (config_.model.learn_weights) {
      training.log_weight_first_moment = log_weight_optimizer_.first_moment();
      training.log_weight_second_moment = log_weight_optimizer_.second_moment();
    }
    if (state_.step_in_epoch > 0) {
      training.frozen_centroids = frozen_centroids_;
      training.frozen_log_weights = frozen_log_weights_;
    }
    io::write_model(run->checkpoint_file(state_.step), content);
    run->prune_checkpoints(config_.run.checkpoint_keep);
  });
}

void Trainer::save_model(RunDirectory* run, const std::filesystem::path& file, const Milestone& milestone) {
  agreed(communicator_, [&] {
    if (run != nullptr) io::write_model(file, model_content(milestone));
  });
}

io::ModelContent Trainer::model_content(const Milestone& milestone) const {
  io::ModelContent content = content_of(model_, config_);
  content.epoch = milestone.epoch;
  content.val_top1 = milestone.val_top1;
  content.val_top5 = milestone.val_top5;
  return content;
}

double Trainer::elapsed_seconds() const {
  return state_.elapsed_seconds + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace dejavid
