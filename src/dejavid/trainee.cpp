#include "src/dejavid/trainee.hpp"

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <utility>

#include "dist/agreement.hpp"
#include "io/bytes/digest.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/model/new_model.hpp"
#include "src/job/agreed.hpp"
#include "src/job/fault_point.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment::dejavid {
namespace {

ScoreNames score_names_of(const EvaluationSplit& validation) {
  const ScoreName loss{"loss", "loss"}, top1{"top1", "top-1"}, top5{"top5", "top-5"};
  ScoreNames names{{loss, top1}, {loss, top1, top5}, top1.key, validation.samples.empty() ? "" : validation.name};
  names.smallest_of_equals = loss.key;
  return names;
}

}  // namespace

DejaVidTrainee::DejaVidTrainee(const Config& config, dist::Communicator& communicator, Dataset& dataset, Model& model,
                               Device& device, PhaseClock& phases, const ModelContent* checkpoint, WriteModel write)
    : config_(config),
      write_(write),
      communicator_(communicator),
      dataset_(dataset),
      model_(model),
      validation_(labelled(dataset.store, choose_split(dataset.store, config.eval.split))),
      names_(score_names_of(validation_)),
      engine_(device.make_engine(dataset, model, phases)) {
  if (checkpoint == nullptr) return;
  const TrainingState& state = *checkpoint->training;
  engine_->load(Moments{{state.centroid_first_moment, state.log_weight_first_moment},
                        {state.centroid_second_moment, state.log_weight_second_moment}});
  frozen_ = {state.frozen_centroids, state.frozen_log_weights};
}

std::int64_t DejaVidTrainee::begin_epoch(EpochStart start) {
  freeze(start);
  agreed(communicator_, [&] {
    dataset_.require_unchanged();  // features that are kept in memory are not read again
    engine_->start_epoch(std::move(start.batches));
  });
  return engine_->steps_between_agreements();
}

/// Takes the epoch's frozen copy, or puts back the one of the epoch that a checkpoint interrupted. Every rank made the
/// same updates from the same sums, so the copies agree bit for bit; where unlike processors made them differ, rank 0's
/// count.
void DejaVidTrainee::freeze(const EpochStart& start) {
  agreed(communicator_,
         [&] { fault_point(FaultPoint::kEpoch, start.step, std::as_writable_bytes(std::span(model_.centroids))); });
  if (start.step_in_epoch == 0) {
    io::Digest parameters;
    parameters.add(model_.centroids);
    parameters.add(model_.log_weights);
    if (!dist::same_on_all_ranks(communicator_, parameters.value())) {
      log_warning(fmt::format("epoch {}: ranks hold different parameters (unlike processors?); all take rank 0's",
                              start.epoch));
      communicator_.broadcast(std::span(model_.centroids), dist::Rank{0});
      communicator_.broadcast(std::span(model_.log_weights), dist::Rank{0});
      engine_->load(model_);
    }
    frozen_ = model_;
  }
  engine_->set_frozen(frozen_);
}

void DejaVidTrainee::apply(const Step& step) {
  engine_->apply({config_.model.learn_centroids ? step.learning_rate * config_.train.centroid_lr_ratio : 0,
                  config_.model.learn_weights ? step.learning_rate : 0, config_.train.weight_decay, step.number});
}

Scores DejaVidTrainee::validate() {
  if (frozen_.centroids.empty()) {  // no epoch was begun
    frozen_ = model_;
    engine_->set_frozen(frozen_);
  }
  const PathSource source = config_.eval.paths == EvalPaths::kCurrent ? PathSource::kLive : PathSource::kFrozen;
  const Evaluation evaluation =
      evaluate(dataset_, validation_.samples, engine_->aligner(), source, config_, communicator_);
  return {evaluation.loss, evaluation.top1, evaluation.top5};
}

FileContent DejaVidTrainee::model(const Course& course) {
  return [write = write_, content = content(course)](const std::filesystem::path& file) { write(file, content); };
}

FileContent DejaVidTrainee::checkpoint(const Course& course) {
  ModelContent all = content(course);
  all.training = training_state(course);
  return [write = write_, content = std::move(all)](const std::filesystem::path& file) { write(file, content); };
}

/// The model as it is, at the scores of its last epoch.
ModelContent DejaVidTrainee::content(const Course& course) {
  engine_->fetch(model_);
  ModelContent content = content_of(model_, config_);
  content.validated_on = names_.validates() ? names_.validated_on : "none";
  content.epoch = course.last.epoch;
  content.val_top1 = course.last.validation[kTop1];
  content.val_top5 = course.last.validation[kTop5];
  return content;
}

/// What a checkpoint holds beside the model.
TrainingState DejaVidTrainee::training_state(const Course& course) {
  TrainingState state;
  state.epoch = course.epoch;
  state.step = course.step;
  state.step_in_epoch = course.step_in_epoch;
  state.order_seed = course.order_seed;
  state.store_identity = course.store_identity;
  state.epoch_samples = course.epoch_samples;
  state.epoch_loss_sum = course.epoch_sums[kTrainLoss];
  state.epoch_correct = std::llround(course.epoch_sums[kTrainTop1]);
  state.best_epoch = course.best.epoch;
  state.best_train_loss = course.best.train[kTrainLoss];
  state.best_train_top1 = course.best.train[kTrainTop1];
  state.best_val_loss = course.best.validation[kLoss];
  state.best_val_top1 = course.best.validation[kTop1];
  state.best_val_top5 = course.best.validation[kTop5];
  state.last_train_loss = course.last.train[kTrainLoss];
  state.last_train_top1 = course.last.train[kTrainTop1];
  state.last_val_loss = course.last.validation[kLoss];
  state.spread = model_.spread;
  Moments moments;
  engine_->fetch(moments);
  if (config_.model.learn_centroids) {
    state.centroid_first_moment = std::move(moments.first.centroids);
    state.centroid_second_moment = std::move(moments.second.centroids);
  }
  if (config_.model.learn_weights) {
    state.log_weight_first_moment = std::move(moments.first.log_weights);
    state.log_weight_second_moment = std::move(moments.second.log_weights);
  }
  if (course.step_in_epoch > 0) {
    state.frozen_centroids = frozen_.centroids;
    state.frozen_log_weights = frozen_.log_weights;
  }
  return state;
}

LoopSettings loop_settings(const Config& config) {
  return {config.train.batch_size,
          [lr = config.train.lr](std::int64_t epoch, std::int64_t epochs) {
            return cosine_learning_rate(lr, epoch, epochs);
          },
          static_cast<std::uint64_t>(config.train.seed), config.run};
}

Course course_of(const ModelContent& checkpoint) {
  const TrainingState& state = *checkpoint.training;
  Course course;
  course.epoch = state.epoch;
  course.step = state.step;
  course.step_in_epoch = state.step_in_epoch;
  course.order_seed = state.order_seed;
  course.store_identity = state.store_identity;
  course.epoch_samples = state.epoch_samples;
  course.epoch_sums = {state.epoch_loss_sum, static_cast<double>(state.epoch_correct)};
  course.last = {checkpoint.epoch,
                 {state.last_train_loss, state.last_train_top1},
                 {state.last_val_loss, checkpoint.val_top1, checkpoint.val_top5},
                 true};
  course.best = {state.best_epoch,
                 {state.best_train_loss, state.best_train_top1},
                 {state.best_val_loss, state.best_val_top1, state.best_val_top5},
                 true};
  return course;
}

}  // namespace alignment::dejavid
