#include "src/dejavid/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "dist/agreement.hpp"
#include "io/bytes/digest.hpp"
#include "io/errors.hpp"
#include "src/dejavid/model_setup.hpp"
#include "src/dejavid/summary.hpp"
#include "src/job/failure.hpp"
#include "src/job/fault_point.hpp"
#include "src/job/signals.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment {
Trainer::Trainer(const Config& config, dist::Communicator& communicator, Dataset& dataset, Model& model, Device& device,
                 const std::optional<Checkpoint>& checkpoint)
    : config_(config),
      communicator_(communicator),
      dataset_(dataset),
      model_(model),
      training_(dataset.store.samples_of(io::Split::kTrain)),
      validation_(labelled(dataset.store, choose_split(dataset.store, config.eval.split))),
      engine_(device.make_engine(dataset, model, phases_)),
      start_(std::chrono::steady_clock::now()),
      writer_(config.dist.timeout()) {
  state_.order_seed = static_cast<std::uint64_t>(config.train.seed);
  state_.store_identity = dataset.store.identity();
  if (!checkpoint) return;

  state_ = *checkpoint->content.training;
  engine_->load(Moments{std::move(state_.centroid_first_moment), std::move(state_.centroid_second_moment),
                        std::move(state_.log_weight_first_moment), std::move(state_.log_weight_second_moment)});
  frozen_centroids_ = std::move(state_.frozen_centroids);
  frozen_log_weights_ = std::move(state_.frozen_log_weights);
  last_ = {checkpoint->content.epoch, state_.last_train_loss,       state_.last_train_top1,
           state_.last_val_loss,      checkpoint->content.val_top1, checkpoint->content.val_top5};
  best_ = {state_.best_epoch,    state_.best_train_loss, state_.best_train_top1,
           state_.best_val_loss, state_.best_val_top1,   state_.best_val_top5};
  wall_seconds_before_ = checkpoint->spent.wall_seconds;
  for (std::size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
    const auto spent = checkpoint->spent.phase_seconds.find(std::string(kPhaseNames[phase]));
    if (spent != checkpoint->spent.phase_seconds.end()) phases_.add(static_cast<Phase>(phase), spent->second);
  }
}

bool Trainer::run(RunDirectory* run) {
  const std::int64_t total = config_.train.epochs * static_cast<std::int64_t>(training_.size());
  Progress progress(communicator_.is_root() ? config_.run.progress : ProgressChoice::kOff, "training", total, "samples",
                    state_.epoch * static_cast<std::int64_t>(training_.size()) + state_.epoch_samples);

  if (const std::string uneven = describe_sharing(sharing()); !uneven.empty() && communicator_.is_root()) {
    log_warning(uneven);
  }
  const bool nothing_left = state_.epoch >= config_.train.epochs && last_.epoch < 0;
  while (state_.epoch < config_.train.epochs) {
    const auto epoch_start = std::chrono::steady_clock::now();
    const std::int64_t samples_before = state_.epoch_samples;  // of an epoch that was interrupted
    freeze();
    if (!train_epoch(run, progress)) return false;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - epoch_start).count();
    validate(state_.epoch);
    record_epoch(run, seconds, static_cast<double>(state_.epoch_samples - samples_before) / seconds);
    ++state_.epoch;
    state_.step_in_epoch = state_.epoch_samples = state_.epoch_correct = 0;
    state_.epoch_loss_sum = 0;
    save_checkpoint(run);
  }
  progress.finish();
  if (nothing_left) validate(state_.epoch - 1);  // the numbers of the model as it is
  agreed(communicator_, [&] { tolerate([&] { writer_.finish(); }); });
  save_model(run);
  return true;
}

/// Takes the epoch's frozen copy, or puts back the one of the epoch that a checkpoint interrupted. Every rank made the
/// same updates from the same sums, so the copies agree bit for bit; where unlike processors made them differ, rank 0's
/// count.
void Trainer::freeze() {
  agreed(communicator_,
         [&] { pass(FaultPoint::kEpoch, state_.step, std::as_writable_bytes(std::span(model_.centroids))); });
  if (state_.step_in_epoch == 0) {
    io::Digest parameters;
    parameters.add(model_.centroids);
    parameters.add(model_.log_weights);
    if (!dist::same_on_all_ranks(communicator_, parameters.value())) {
      log_warning(fmt::format("epoch {}: ranks hold different parameters (unlike processors?); all take rank 0's",
                              state_.epoch));
      communicator_.broadcast(std::span(model_.centroids), dist::Rank{0});
      communicator_.broadcast(std::span(model_.log_weights), dist::Rank{0});
      engine_->load(model_);
    }
    frozen_centroids_ = model_.centroids;
    frozen_log_weights_ = model_.log_weights;
  }
  engine_->set_frozen(frozen_centroids_, frozen_log_weights_);
}

/// Trains an epoch, or what is left of it. False where it was asked to stop: a checkpoint has been written.
bool Trainer::train_epoch(RunDirectory* run, Progress& progress) {
  order_ = epoch_order(training_, config_.train.shuffle, state_.order_seed, state_.epoch);
  auto batches = rank_batches(
      order_, [&](std::int64_t sample) { return dataset_.store.length(sample); }, sharing(), state_.step_in_epoch,
      communicator_.rank());
  const std::int64_t first = state_.step_in_epoch, last = first + static_cast<std::int64_t>(batches.size());
  const std::int64_t steps_before = state_.step - first;  // of earlier epochs
  const double lr = learning_rate();
  agreed(communicator_, [&] {
    dataset_.require_unchanged();  // features that are kept in memory are not read again
    engine_->start_epoch(std::move(batches));
  });
  std::int64_t between_agreements = engine_->steps_between_agreements();
  communicator_.all_reduce(std::span(&between_agreements, 1), dist::Reduction::kMin);

  LocalPhase local;
  for (std::int64_t k = first; k < last; ++k) {
    const std::int64_t step = steps_before + k + 1;  // counted from 1
    const bool save = k + 1 < last && checkpoint_due(step);
    // paths, distances, loss and gradient of this rank's samples
    local.attempt([&] {
      pass(FaultPoint::kCompute, step - 1);
      engine_->compute(samples_of_step(k));
    });
    const bool computed = !local.failure;
    if ((k + 1 - first) % between_agreements == 0 || k + 1 == last || save) {
      local.attempt([&] { tolerate([&] { writer_.check(); }); });
      const bool stop = dist::agree_with_flag(communicator_, local.failure, stop_requested() ? 1 : 0) != 0;
      settle(run, progress, local);
      if (stop) {
        dist::agree(communicator_, local.failure);
        save_checkpoint(run);
        agreed(communicator_, [&] { writer_.finish(); });  // or else it must not be said that there is one
        return false;
      }
    }
    // their sum over ranks, and the same update on every rank
    if (computed) {
      engine_->apply({config_.model.learn_centroids ? lr * config_.train.centroid_lr_ratio : 0,
                      config_.model.learn_weights ? lr : 0, config_.train.weight_decay, step});
    }
    if (save) {
      settle(run, progress, local);
      save_checkpoint(run);
    }
  }
  settle(run, progress, local);
  dist::agree(communicator_, local.failure);
  agreed(communicator_, [&] { engine_->fetch(model_); });
  return true;
}

/// Adds up over ranks, and records, the steps applied since the last time.
void Trainer::settle(RunDirectory* run, Progress& progress, LocalPhase& local) {
  const std::vector<StepTotals> steps = engine_->collect();
  std::vector<double> sums;  // loss and correct of every step
  for (const StepTotals& totals : steps) sums.insert(sums.end(), {totals.loss, static_cast<double>(totals.correct)});
  communicator_.all_reduce(std::span(sums), dist::Reduction::kSum);

  for (std::size_t n = 0; n < steps.size(); ++n) {
    if (steps[n].refused) refuse(run, steps[n]);
    const std::int64_t samples = samples_of_step(state_.step_in_epoch);
    const double loss = sums[2 * n] / static_cast<double>(samples);
    local.attempt([&] {
      if (run == nullptr) return;
      const dist::Deadline deadline = writing_run(config_);
      run->record(StepRecord{state_.epoch, state_.step, loss, learning_rate(), samples});
    });
    state_.epoch_loss_sum += loss * static_cast<double>(samples);
    state_.epoch_correct += static_cast<std::int64_t>(sums[2 * n + 1]);
    state_.epoch_samples += samples;
    ++state_.step;
    ++state_.step_in_epoch;
    progress.advance(samples, fmt::format("epoch {}/{} loss {:.4f}", state_.epoch + 1, config_.train.epochs, loss));
  }
}

/// Ends a run whose coming step was refused: on every rank, since all of them saw the same sums.
void Trainer::refuse(RunDirectory* run, const StepTotals& totals) {
  LocalPhase record;  // that it cannot be written must not hide what ended the run
  record.attempt([&] {
    if (run == nullptr) return;
    const dist::Deadline deadline = writing_run(config_);
    run->write_refused_step(refused_step());
  });
  agreed(communicator_, [&] {
    if (totals.first_not_finite >= 0) {
      throw io::NotFiniteError(fmt::format(
          "{}: found a loss that is not finite in epoch {}, step {} (refused_step.json names its samples); expected a "
          "number; lower train.lr, or check the scale of the features",
          dataset_.store.describe(totals.first_not_finite), state_.epoch, state_.step));
    }
  });
  agreed(communicator_, [&] {
    throw io::NotFiniteError(fmt::format(
        "epoch {}, step {} (refused_step.json names its samples): found a gradient that is not finite; expected "
        "numbers; lower train.lr, and where that does not help look for a faulty processor or GPU",
        state_.epoch, state_.step));
  });
}

/// What refused_step.json holds: the step and the ids of its global batch.
std::string Trainer::refused_step() const {
  nlohmann::ordered_json ids = nlohmann::ordered_json::array();
  const std::int64_t begin = state_.step_in_epoch * config_.train.batch_size;
  for (std::int64_t n = begin; n < begin + samples_of_step(state_.step_in_epoch); ++n) {
    ids.push_back(dataset_.store.id(order_[static_cast<std::size_t>(n)]));
  }
  const nlohmann::ordered_json json{
      {"epoch", state_.epoch}, {"step", state_.step}, {"lr", learning_rate()}, {"samples", ids}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Sharing Trainer::sharing() const {
  return {std::min(config_.train.batch_size, static_cast<std::int64_t>(training_.size())),
          engine_->samples_kept_together(), communicator_.size()};
}

/// Size of the global batch.
std::int64_t Trainer::samples_of_step(std::int64_t step_in_epoch) const {
  const std::int64_t begin = step_in_epoch * config_.train.batch_size;
  return std::min(config_.train.batch_size, static_cast<std::int64_t>(training_.size()) - begin);
}

double Trainer::learning_rate() const {
  return cosine_learning_rate(config_.train.lr, state_.epoch, config_.train.epochs);
}

bool Trainer::checkpoint_due(std::int64_t steps) const {
  const std::int64_t every = config_.run.checkpoint_every_steps;
  return every > 0 && steps % every == 0;
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
  const Evaluation evaluation =
      evaluate(dataset_, validation_.samples, engine_->aligner(), source, config_, communicator_);
  last_.val_loss = evaluation.loss;
  last_.val_top1 = evaluation.top1;
  last_.val_top5 = evaluation.top5;
}

void Trainer::record_epoch(RunDirectory* run, double seconds, double samples_per_second) {
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
    const dist::Deadline deadline = writing_run(config_);
    run->record(EpochRecord{last_.epoch, last_.train_loss, last_.train_top1, validated, last_.val_loss, last_.val_top1,
                            last_.val_top5, seconds, samples_per_second});
  });
  if (!validated || (best_.epoch >= 0 && last_.val_top1 <= best_.val_top1)) return;
  best_ = last_;
  agreed(communicator_, [&] {
    if (run == nullptr) return;
    engine_->fetch(model_);
    unsaved_best_ = std::make_shared<UnsavedBest>();
    unsaved_best_->content = model_content();
  });
}

/// Writes the state of now beside what follows; before it a best model that is not on disk yet: a run that goes on from
/// this checkpoint will not write it again.
void Trainer::save_checkpoint(RunDirectory* run) {
  agreed(communicator_, [&] {
    pass(FaultPoint::kCheckpoint, state_.step);
    if (run == nullptr) return;
    engine_->fetch(model_);
    auto content = std::make_shared<io::ModelContent>(model_content());
    io::TrainingState training = training_state();
    tolerate([&] {
      writer_.start([run, best = unsaved_best_, content, training = std::move(training), step = state_.step,
                     keep = config_.run.checkpoint_keep, summary = running_summary(*this)]() mutable {
        save_best(*run, best);
        content->training = std::move(training);
        io::write_model(run->checkpoint_file(step), *content);
        run->prune_checkpoints(keep, step);
        run->write_summary(summary);
      });
    });
  });
}

void Trainer::save_best(const RunDirectory& run, const std::shared_ptr<UnsavedBest>& best) {
  if (!best || best->saved) return;
  io::write_model(run.best_file(), best->content);
  best->saved = true;
}

void Trainer::save_model(RunDirectory* run) {
  agreed(communicator_, [&] {
    if (run == nullptr) return;
    const dist::Deadline deadline = writing_run(config_);
    save_best(*run, unsaved_best_);
    io::write_model(run->model_file(), model_content());
    // What a run that was killed before did not come to.
    run->prune_checkpoints(config_.run.checkpoint_keep, state_.step);
  });
}

void Trainer::leave_files_in_peace() noexcept {
  try {
    writer_.finish();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the failure that ended the run is the one to report
  }
}

/// With run.keep_going a checkpoint that cannot be written costs no more than a warning.
void Trainer::tolerate(const std::function<void()>& writing) const {
  if (!config_.run.keep_going) return writing();
  try {
    writing();
  } catch (const io::WriteError& error) {
    log_warning(fmt::format("{}; training goes on without this checkpoint (run.keep_going)", error.what()));
  }
}

io::ModelContent Trainer::model_content() const {
  io::ModelContent content = content_of(model_, config_);
  content.epoch = last_.epoch;
  content.val_top1 = last_.val_top1;
  content.val_top5 = last_.val_top5;
  return content;
}

/// What a checkpoint holds beside the model as it was fetched last.
io::TrainingState Trainer::training_state() {
  io::TrainingState training = state_;
  training.best_epoch = best_.epoch;
  training.best_val_loss = best_.val_loss;
  training.best_val_top1 = best_.val_top1;
  training.best_val_top5 = best_.val_top5;
  training.best_train_loss = best_.train_loss;
  training.best_train_top1 = best_.train_top1;
  training.last_train_loss = last_.train_loss;
  training.last_train_top1 = last_.train_top1;
  training.last_val_loss = last_.val_loss;
  training.spread = model_.spread;
  Moments moments;
  engine_->fetch(moments);
  if (config_.model.learn_centroids) {
    training.centroid_first_moment = std::move(moments.centroid_first);
    training.centroid_second_moment = std::move(moments.centroid_second);
  }
  if (config_.model.learn_weights) {
    training.log_weight_first_moment = std::move(moments.log_weight_first);
    training.log_weight_second_moment = std::move(moments.log_weight_second);
  }
  if (state_.step_in_epoch > 0) {
    training.frozen_centroids = frozen_centroids_;
    training.frozen_log_weights = frozen_log_weights_;
  }
  return training;
}

double Trainer::elapsed_seconds() const {
  return wall_seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace alignment
