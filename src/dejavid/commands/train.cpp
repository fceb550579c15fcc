#include <fmt/format.h>

#include "io/errors.hpp"
#include "kernels/variants.hpp"
#include "src/config/run_layout.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "src/dejavid/cuda/device.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/model/checkpoint.hpp"
#include "src/dejavid/model/data_settings.hpp"
#include "src/dejavid/model/model_file.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/dejavid/trainee.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/environment/threads.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/files/run_files.hpp"
#include "src/training/files/run_frame.hpp"
#include "src/training/loop.hpp"

namespace alignment::dejavid {
namespace {

/// Whether best.h5 is the model of that epoch.
bool is_of_epoch(const std::filesystem::path& best, std::int64_t epoch) {
  try {
    return read_model(best).epoch == epoch;
  } catch (const io::ModelFileError&) {
    return false;
  }
}

void report(const TrainingLoop& loop, const ScoreNames& names, const std::filesystem::path& folder) {
  const EpochScores &last = loop.course().last, &best = loop.course().best;
  if (!names.validates()) {
    log_info(fmt::format(
        "done in {:.1f} s: train loss {:.4f} top-1 {:.4f} in the last epoch; the store has no labelled val or "
        "test samples to validate on",
        loop.elapsed_seconds(), last.train[kTrainLoss], last.train[kTrainTop1]));
  } else {
    log_info(fmt::format("done in {:.1f} s: {} top-1 {:.4f} top-5 {:.4f} after the last epoch", loop.elapsed_seconds(),
                         names.validated_on, last.validation[kTop1], last.validation[kTop5]));
    if (best.epoch >= 0) {
      log_info(fmt::format("best epoch {}: {} top-1 {:.4f} top-5 {:.4f} (chosen on that same split){}", best.epoch + 1,
                           names.validated_on, best.validation[kTop1], best.validation[kTop5],
                           names.validated_on == "test" ? "; --data.holdout 0.2 leaves the test split out of it" : ""));
    }
  }
  const std::filesystem::path of_best = folder / run_layout::kBest;
  const bool has_best = best.epoch >= 0 && is_of_epoch(of_best, best.epoch);
  log_info(fmt::format("model: {}{}", (folder / run_layout::kModel).string(),
                       has_best ? ", of the last epoch; best.h5 of the best" : ""));
  if (best.epoch >= 0 && !has_best) {
    log_warning(
        fmt::format("{}: found another model, or none; expected that of epoch {}, the best; it was moved or "
                    "replaced while the run was stopped or under way: train again to have it",
                    of_best.string(), best.epoch + 1));
  }
}

/// Turns settings that follow the data into what they come to.
/// Returns the digest of the samples held out.
std::uint64_t settle_data(Config& config, io::TseStore& store, bool is_root) {
  const HeldOut taken = hold_out(store, config);
  if (config.samples.holdout > 0) {
    const std::int64_t held_out = taken.samples;
    if (held_out > 0) {
      log_info(fmt::format("data.holdout: {} training samples are held out for validation", held_out));
    } else if (has_validation(store)) {
      log_info("data.holdout: nothing is held out, as the store has a val split");
    } else if (is_root) {
      log_warning(
          fmt::format("data.holdout = {}: nothing is held out, as no class has samples to spare for so small a share; "
                      "give a larger "
                      "one",
                      config.samples.holdout));
    }
    if (held_out == 0) config.samples.holdout = 0;
  }
  settle_auto(config, store);
  return taken.digest;
}

/// The defaults are the paper's, whose sets make many steps an epoch: a set that makes few learns next to nothing.
void note_small_set(const Invocation& asked, const Config& config, const io::TseStore& store) {
  constexpr std::int64_t kFewSteps = 4;
  if (asked.has_configuration || asked.given.contains(find_key("train.batch_size"))) return;
  const auto samples = static_cast<std::int64_t>(store.samples_of(io::Split::kTrain).size());
  const std::int64_t steps = steps_of_epoch(config, store);
  if (steps > kFewSteps) return;
  log_info(fmt::format(
      "note: without --config these are the paper's settings, for thousands of videos; {} samples make {} an epoch: "
      "--config series has settings for small sets",
      samples, steps == 1 ? "1 step" : fmt::format("{} steps", steps)));
}

}  // namespace

ExitCode run_training(const Invocation& asked, dist::Communicator& communicator) {
  Config config = asked.config_of<Config>();
  const GivenKeys& given = asked.given;
  agreed(communicator, throw_if_asked_to_stop);
  const int threads = thread_count(config.dist, communicator);
  const std::unique_ptr<Device> device = choose_device(config, communicator, threads);
  agreed(communicator, [&] {
    require_path_precision(config, *device);
    require_gradient_precision(config, *device);
  });
  std::optional<Checkpoint> checkpoint;
  agreed(communicator, [&] {
    const dist::Deadline deadline = waiting_for_files("a read of checkpoints", config.dist.timeout());
    checkpoint = find_checkpoint(config, [&](const std::string& line) {
      if (communicator.is_root()) log_warning(line);
    });
  });
  require_same_checkpoint(checkpoint, config, communicator);
  std::optional<ModelContent> start;
  if (checkpoint) {
    take_sample_settings(config, given, checkpoint->content, checkpoint->file, communicator);
  } else if (!config.model.init.empty()) {
    start = read_initial_model(config, given, communicator);
  }

  Dataset dataset = Dataset::open(config, communicator, needs_of_training(*device, config));
  std::uint64_t held_out = 0;
  agreed(communicator, [&] {
    dataset.store.require_training_samples();
    throw_if_asked_to_stop();
    held_out = settle_data(config, dataset.store, communicator.is_root());
    if (checkpoint) check_checkpoint(*checkpoint, config, given, dataset.store);
    require_trainable(config, dataset.store);
    if (config.eval.split != EvalSplit::kAuto)
      require_samples(labelled(dataset.store, choose_split(dataset.store, config.eval.split)), dataset.store, config);
  });
  std::optional<Model> starting;
  if (start) starting = starting_model(*start, config, dataset.store, communicator);
  config.run.dir = run_folder(config, checkpoint ? std::optional(checkpoint->file) : std::nullopt, communicator);

  RunStart begin{to_toml(config),
                 describe_environment(communicator, config.dist, std::string(kernels::best_variant().name),
                                      report_gpus(), device->describe()),
                 {},
                 {},
                 inputs_of(config)};
  if (checkpoint) {
    begin.from_step = checkpoint->content.training->step;
    begin.bring_history = [&] { bring_run(checkpoint->file, config.run.dir, best_of(*checkpoint)); };
  }
  RunDirectory run = open_run(config, begin, communicator);

  const LoopSettings settings = loop_settings(config);
  const SampleCurriculum curriculum(dataset.store, config.train.shuffle);
  PhaseClock phases;
  Model model;
  std::optional<DejaVidTrainee> trainee;
  RunFiles files(config.run, run, config.dist.timeout());
  std::optional<TrainingLoop> loop;
  try {
    if (checkpoint) {
      agreed(communicator, [&] { model = model_from(checkpoint->content, checkpoint->file, dataset.store); });
      model.spread = checkpoint->content.training->spread;
      log_info(fmt::format("resuming from {}: {} epochs and {} steps done", checkpoint->file.string(),
                           checkpoint->content.training->epoch, checkpoint->content.training->step));
    } else if (starting) {
      model = std::move(*starting);
      model.spread = training_spread(dataset, communicator, config);
    } else {
      model = barycenter_model(dataset, communicator, config, threads);
    }
    model.held_out = held_out;
    const EvaluationSplit all = choose_split(dataset.store, config.eval.split);
    if (const auto judged = labelled(dataset.store, all).samples.size(); judged < all.samples.size()) {
      log_info(fmt::format("validation: {} of {} {} samples have no label and are left out",
                           all.samples.size() - judged, all.samples.size(), all.name));
    }
    describe_work(dataset, model, config, communicator, *device);
    if (!checkpoint && !starting) note_small_set(asked, config, dataset.store);
    trainee.emplace(config, communicator, dataset, model, *device, phases, checkpoint ? &checkpoint->content : nullptr,
                    write_model);
    std::optional<Resumed> resumed;
    if (checkpoint) {
      resumed = Resumed{course_of(checkpoint->content), checkpoint->spent};
      if (!keeps_best(config.run.dir, best_of(*checkpoint), config.dist, communicator)) {
        resumed->course.best = EpochScores::none(trainee->score_names());
      }
    }
    loop.emplace(settings, communicator, dataset.store, curriculum, *trainee, files, phases, resumed);
    const ExitCode code = train(*loop, config.train.epochs, run, communicator);
    if (device->peak_bytes() > 0) {
      log_detail(
          fmt::format("GPU memory: {:.1f} MiB at most", static_cast<double>(device->peak_bytes()) / (1U << 20U)));
    }
    agreed(communicator, [&] {
      if (code != ExitCode::kDone || !communicator.is_root()) return;
      const dist::Deadline deadline = waiting_for_files("a read of the best model", config.dist.timeout());
      report(*loop, trainee->score_names(), config.run.dir);
    });
    return code;
  } catch (const dist::AgreedFailure& failure) {
    leave_failed_run(failure, loop ? &*loop : nullptr, run, config.run);
    throw;
  }
}

}  // namespace alignment::dejavid
