#include "src/training/loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "dist/agreement.hpp"
#include "io/errors.hpp"
#include "src/job/agreed.hpp"
#include "src/job/fault_point.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// "loss 0.1234 top-1 0.9876"
std::string text_of(const std::vector<ScoreName>& names, const Scores& scores) {
  std::string text;
  for (std::size_t n = 0; n < names.size(); ++n) {
    text += fmt::format("{}{} {}", n == 0 ? "" : " ", names[n].label,
                        std::isnan(scores[n]) ? "-" : fmt::format("{:.4f}", scores[n]));
  }
  return text;
}

}  // namespace

TrainingLoop::TrainingLoop(const LoopSettings& settings, dist::Communicator& communicator, const io::TseStore& store,
                           const Curriculum& curriculum, Trainee& trainee, RunRecord& run, PhaseClock& phases,
                           const std::optional<Resumed>& resumed)
    : settings_(settings),
      communicator_(communicator),
      curriculum_(curriculum),
      trainee_(trainee),
      names_(trainee.score_names()),
      run_(run),
      phases_(phases) {
  course_.order_seed = settings.seed;
  course_.store_identity = store.identity();
  course_.epoch_sums.assign(names_.train.size(), 0.0);
  course_.last = course_.best = EpochScores::none(names_);
  if (!resumed) return;
  course_ = resumed->course;
  seconds_before_ = resumed->spent.wall_seconds;
  phases_.add(resumed->spent.phase_seconds);
}

bool TrainingLoop::run_to(std::int64_t epochs) {
  epochs_ = epochs;
  const std::int64_t units = curriculum_.size();
  Progress progress(communicator_.is_root() ? settings_.run.progress : ProgressChoice::kOff, "training", epochs * units,
                    curriculum_.unit_name(), course_.epoch * units + course_.epoch_samples);

  if (const std::string uneven = describe_sharing(sharing(), curriculum_.unit_name(), curriculum_.step_size_key());
      !uneven.empty() && communicator_.is_root()) {
    log_warning(uneven);
  }
  const bool nothing_left = course_.epoch >= epochs && course_.last.epoch < 0;
  while (course_.epoch < epochs) {
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t samples_before = course_.epoch_samples;  // of an epoch that was interrupted
    if (!train_epoch(progress)) return false;
    const double seconds = seconds_since(start);
    finish_epoch(course_.epoch);
    record_epoch(seconds, static_cast<double>(course_.epoch_samples - samples_before) / seconds);
    ++course_.epoch;
    course_.step_in_epoch = course_.epoch_samples = 0;
    course_.epoch_sums.assign(names_.train.size(), 0.0);
    save_checkpoint();
  }
  progress.finish();
  if (nothing_left) finish_epoch(course_.epoch - 1);  // the numbers of the model as it is
  agreed(communicator_, [&] { run_.finish_checkpoint(/*must_be_there=*/false); });
  agreed(communicator_, [&] {
    if (run_.writes()) run_.write_model(course_.step, trainee_.model(course_));
  });
  return true;
}

/// Trains an epoch, or what is left of it. False where it was asked to stop: a checkpoint has been written.
bool TrainingLoop::train_epoch(Progress& progress) {
  StepGuard guard(communicator_, begin_epoch());
  for (std::int64_t taken = course_.step_in_epoch; taken < steps_of_epoch(); ++taken) {
    const Step step = step_of(taken);
    const bool ends = taken + 1 == steps_of_epoch(), save = !ends && checkpoint_due(step);
    // forward and backward of this rank's samples
    guard.attempt([&] {
      fault_point(FaultPoint::kCompute, step.number - 1);
      trainee_.compute(step);
    });
    const bool computed = guard.open();
    // all ranks will come to the sum over them
    if (guard.due() || ends || save) {
      guard.attempt([&] { run_.check_checkpoint(); });
      const bool asked_to_stop = guard.agree_to_stop();
      record_applied_steps(guard, progress);
      if (asked_to_stop) return stop(guard);
    }
    // the sum over ranks, and the same update on every rank
    if (computed) trainee_.apply(step);
    if (save) {
      record_applied_steps(guard, progress);
      save_checkpoint();
    }
  }
  record_applied_steps(guard, progress);
  guard.agree();
  agreed(communicator_, [&] { trainee_.end_epoch(); });
  return true;
}

/// Hands out the epoch's samples. Returns the steps that may pass between agreements.
std::int64_t TrainingLoop::begin_epoch() {
  order_ = curriculum_.order(course_.order_seed, course_.epoch);
  return trainee_.begin_epoch({course_.epoch, course_.step, course_.step_in_epoch,
                               rank_batches(
                                   order_, [&](std::int64_t unit) { return curriculum_.work(unit); }, sharing(),
                                   course_.step_in_epoch, communicator_.rank())});
}

/// Always false.
bool TrainingLoop::stop(StepGuard& guard) {
  guard.agree();
  save_checkpoint();
  // What was asked to stop is told that there is a checkpoint.
  agreed(communicator_, [&] { run_.finish_checkpoint(/*must_be_there=*/true); });
  return false;
}

/// Adds up over ranks, and records, the steps applied since the last time.
void TrainingLoop::record_applied_steps(StepGuard& guard, Progress& progress) {
  const std::vector<StepTotals> steps = trainee_.collect();
  std::vector<double> sums;
  for (const StepTotals& totals : steps) sums.insert(sums.end(), totals.sums.begin(), totals.sums.end());
  communicator_.all_reduce(std::span(sums), dist::Reduction::kSum);

  auto sum = sums.begin();
  for (const StepTotals& totals : steps) {
    if (totals.refused) refuse(totals);
    const std::int64_t samples = samples_of_step(course_.step_in_epoch);
    const double loss = *sum / static_cast<double>(samples);
    guard.attempt([&] { run_.record(step_record(loss, std::span(&*sum, names_.train.size()), samples), names_); });
    *sum = loss * static_cast<double>(samples);  // the loss as it was told
    for (double& of_epoch : course_.epoch_sums) of_epoch += *sum++;
    course_.epoch_samples += samples;
    ++course_.step;
    ++course_.step_in_epoch;
    progress.advance(samples, fmt::format("epoch {}/{} loss {:.4f}", course_.epoch + 1, epochs_, loss));
  }
}

/// `sums`: of the train scores over the step's units.
StepRecord TrainingLoop::step_record(double loss, std::span<const double> sums, std::int64_t units) const {
  StepRecord record{course_.epoch, course_.step, loss, learning_rate(), units, {}};
  for (const double sum : sums) record.means.push_back(sum / static_cast<double>(units));
  return record;
}

/// Ends a run whose coming step was refused: on every rank, since all of them saw the same sums.
void TrainingLoop::refuse(const StepTotals& totals) {
  LocalPhase record;  // that it cannot be written must not hide what ended the run
  record.attempt([&] {
    if (run_.writes()) run_.write_refused_step(refused_step());
  });
  const char* const named = run_.is_kept() ? " (refused_step.json names its samples)" : "";
  agreed(communicator_, [&] {
    if (totals.first_not_finite >= 0) {
      throw io::NotFiniteError(
          fmt::format("{}: found a loss that is not finite in epoch {}, step {}{}; expected a number; lower "
                      "train.lr, or check the scale of the features",
                      curriculum_.describe(totals.first_not_finite), course_.epoch, course_.step, named));
    }
  });
  agreed(communicator_, [&] {
    throw io::NotFiniteError(
        fmt::format("epoch {}, step {}{}: found a gradient that is not finite; expected numbers; lower train.lr, and "
                    "where that does "
                    "not help look for a faulty processor or GPU",
                    course_.epoch, course_.step, named));
  });
}

/// What refused_step.json holds: the step and the ids of its global batch.
std::string TrainingLoop::refused_step() const {
  nlohmann::ordered_json ids = nlohmann::ordered_json::array();
  const std::int64_t begin = course_.step_in_epoch * settings_.batch_size;
  for (std::int64_t n = begin; n < begin + samples_of_step(course_.step_in_epoch); ++n) {
    for (const std::string& id : curriculum_.ids(order_[static_cast<std::size_t>(n)])) ids.push_back(id);
  }
  const nlohmann::ordered_json json{
      {"epoch", course_.epoch}, {"step", course_.step}, {"lr", learning_rate()}, {"samples", ids}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

/// The scores of an epoch: of its training samples, and of the validation by the model after it.
void TrainingLoop::finish_epoch(std::int64_t epoch) {
  const auto timer = phases_.time(Phase::kEvaluate);
  course_.last = EpochScores::none(names_);
  course_.last.epoch = epoch;
  const auto samples = static_cast<double>(std::max(course_.epoch_samples, std::int64_t{1}));
  for (std::size_t n = 0; n < names_.train.size(); ++n) course_.last.train[n] = course_.epoch_sums[n] / samples;
  course_.last.validated = names_.validates() && trainee_.validates_after(epoch, epochs_);
  if (course_.last.validated) course_.last.validation = trainee_.validate();
}

void TrainingLoop::record_epoch(double seconds, double samples_per_second) {
  const EpochScores& last = course_.last;
  std::string line = fmt::format("epoch {}/{}: train {}", last.epoch + 1, epochs_, text_of(names_.train, last.train));
  if (last.validated) {
    line += fmt::format(", {} {}", names_.validated_on, text_of(names_.validation, last.validation));
  }
  log_info(fmt::format("{} ({:.1f} s)", line, seconds));
  agreed(communicator_, [&] { run_.record(EpochRecord{last, seconds, samples_per_second}, names_); });

  if (!last.validated) return;
  if (course_.best.epoch >= 0 && !is_better(names_, last.validation, course_.best.validation)) return;
  course_.best = last;
  agreed(communicator_, [&] {
    if (run_.writes()) run_.set_best(trainee_.model(course_));
  });
}

/// Begins to write the state of now.
void TrainingLoop::save_checkpoint() {
  agreed(communicator_, [&] {
    fault_point(FaultPoint::kCheckpoint, course_.step);
    if (!run_.writes()) return;
    run_.begin_checkpoint(course_.step, trainee_.checkpoint(course_), summary("running", std::nullopt));
  });
}

Step TrainingLoop::step_of(std::int64_t step_in_epoch) const {
  const std::int64_t of_earlier_epochs = course_.step - course_.step_in_epoch;
  return {of_earlier_epochs + step_in_epoch + 1, samples_of_step(step_in_epoch), learning_rate()};
}

std::int64_t TrainingLoop::steps_of_epoch() const {
  return (curriculum_.size() + settings_.batch_size - 1) / settings_.batch_size;
}

Sharing TrainingLoop::sharing() const {
  return {std::min(settings_.batch_size, curriculum_.size()), trainee_.samples_kept_together(), communicator_.size()};
}

/// Size of the global batch.
std::int64_t TrainingLoop::samples_of_step(std::int64_t step_in_epoch) const {
  const std::int64_t begin = step_in_epoch * settings_.batch_size;
  return std::min(settings_.batch_size, curriculum_.size() - begin);
}

double TrainingLoop::learning_rate() const {
  return settings_.learning_rate(course_.epoch, epochs_);
}

bool TrainingLoop::checkpoint_due(const Step& step) const {
  const std::int64_t every = settings_.run.checkpoint_every_steps;
  return every > 0 && step.number % every == 0;
}

double TrainingLoop::elapsed_seconds() const {
  return seconds_before_ + seconds_since(start_);
}

std::string TrainingLoop::summary(const std::string& reason, std::optional<int> exit_code) const {
  const auto to_json = [&](const EpochScores& scores) {
    nlohmann::ordered_json json{{"epoch", scores.epoch}};
    for (std::size_t n = 0; n < names_.train.size(); ++n) json["train_" + names_.train[n].key] = scores.train[n];
    if (!names_.validates() || !scores.validated) return json;
    for (std::size_t n = 0; n < names_.validation.size(); ++n) {
      json["val_" + names_.validation[n].key] = scores.validation[n];
    }
    return json;
  };
  nlohmann::ordered_json json{{"exit_reason", reason},
                              {"exit_code", nullptr},
                              {"wall_seconds", elapsed_seconds()},
                              {"steps", course_.step},
                              {"last", to_json(course_.last)}};
  if (exit_code) json["exit_code"] = *exit_code;
  if (course_.best.epoch >= 0) {
    json["best"] = to_json(course_.best);
    json["best"]["chosen_on"] = names_.validated_on;
  }
  if (names_.validates()) json["validated_on"] = names_.validated_on;
  nlohmann::ordered_json phases;
  for (std::size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
    phases[std::string(kPhaseNames[phase])] = phases_.seconds()[phase];
  }
  json["phase_seconds_of_rank_0"] = phases;
  return json.dump(2) + "\n";
}

}  // namespace alignment
