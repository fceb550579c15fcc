#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "dist/agreement.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "kernels/alignment_variants.hpp"
#include "src/config/error.hpp"
#include "src/config/run_layout.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/commands/command_setup.hpp"
#include "src/lrprop/commands/commands.hpp"
#include "src/lrprop/config/config_keys.hpp"
#include "src/lrprop/evaluating.hpp"
#include "src/lrprop/evaluation/report.hpp"
#include "src/lrprop/model/model_file.hpp"
#include "src/lrprop/model/model_setup.hpp"
#include "src/lrprop/samples/pairs.hpp"
#include "src/lrprop/samples/plan_file.hpp"
#include "src/lrprop/trainee.hpp"
#include "src/training/files/resume.hpp"
#include "src/training/files/run_files.hpp"
#include "src/training/files/run_frame.hpp"
#include "src/training/loop.hpp"

namespace alignment::lrprop {
namespace {

void describe_work(const Dataset& dataset, const PairCurriculum& curriculum, const ModelContent& model,
                   const Config& config, dist::Communicator& communicator) {
  const io::TseStore& store = dataset.store;
  log_info(fmt::format("data: {} train, {} val, {} test videos of {} actions, {} features",
                       store.samples_of(io::Split::kTrain).size(), store.samples_of(io::Split::kValidation).size(),
                       store.samples_of(io::Split::kTest).size(), store.class_count(), store.feature_dim()));
  log_info(fmt::format("model: {} blocks of {} with {} heads, {} parameters; {} epochs of {} pairs, {} a step",
                       model.sizes.layers, model.sizes.hidden, model.sizes.heads, model.weights.size(),
                       config.train.epoch_count(), curriculum.size(),
                       loop_settings(config, communicator.size()).batch_size));
  describe_hosts(config.dist, communicator);
}

/// A run keeps its pairs a step, which follow the number of ranks where train.pairs_per_step is 0. Throws
/// io::ModelFileError.
void require_same_steps(const Checkpoint& checkpoint, std::int64_t pairs_of_step, dist::WorldSize ranks) {
  const std::int64_t found = checkpoint.content.training->pairs_per_step;
  if (found == pairs_of_step) return;
  throw io::ModelFileError(
      fmt::format("{}: found steps of {} pairs; expected {}, as {} ranks take; resume on the number of ranks that the "
                  "run began with (train.pairs_per_step makes a run independent of it)",
                  checkpoint.file.string(), found, pairs_of_step, ranks.value));
}

/// Refuses ranks that read different plans, and a plan that is not the checkpoint's, which settings know by name only.
void require_same_plan(std::uint64_t identity, const std::optional<Checkpoint>& checkpoint,
                       const std::filesystem::path& plan, dist::Communicator& communicator) {
  const bool same = dist::same_on_all_ranks(communicator, identity);
  agreed(communicator, [&] {
    if (!same) {
      throw io::StoreError(
          fmt::format("{}: ranks found different plans; expected the same on every host; copy it to all of them again",
                      plan.string()));
    }
    const std::optional<std::uint64_t> found = checkpoint ? checkpoint->content.training->plan_identity : std::nullopt;
    if (!found || *found == identity) return;
    throw io::ModelFileError(fmt::format(
        "{}: found training by a plan of digest {:016x}; expected {:016x}, that of {}; resume with the plan that the "
        "run began with",
        checkpoint->file.string(), *found, identity, plan.string()));
  });
}

/// What the last model scores beside the baselines, printed and in evaluation.json.
void report(Dataset& dataset, LrpropTrainee& trainee, const RunValidation& validation, const Config& config,
            int threads, RunDirectory& run, dist::Communicator& communicator) {
  if (!validation.judges()) {
    log_info("evaluation: none, as the store has no labelled videos of eval.split to judge");
    return;
  }
  if (!validation.found()) {  // resumed after its last epoch
    const bool there = !run.writes() || std::filesystem::exists(run.folder() / "evaluation.json");
    if (dist::on_all_ranks(communicator, there)) return;
    static_cast<void>(trainee.validate());
  }
  const std::vector<EvaluationResult> results =
      beside_baselines(*validation.found(), trainee.content_beside_network(), dataset, config, threads, communicator);
  run.write(communicator, [&] { io::write_text(run.folder() / "evaluation.json", to_json(results).dump(2) + "\n"); });
  if (communicator.is_root()) log_info("evaluation of the last epoch:\n" + table(results));
}

}  // namespace

ExitCode run_training(const Invocation& asked, dist::Communicator& communicator) {
  Config config = asked.config_of<Config>();
  agreed(communicator, throw_if_asked_to_stop);
  const std::unique_ptr<CudaDevice> gpu = choose_device(config, communicator);
  const int threads = thread_count(config.dist, communicator);
  Dataset dataset = open_dataset(config, communicator, io::ClassMatching::kSame);
  agreed(communicator, throw_if_asked_to_stop);

  std::optional<Checkpoint> checkpoint;
  agreed(communicator, [&] {
    const dist::Deadline deadline = waiting_for_files("a read of checkpoints", config.dist.timeout());
    checkpoint = find_checkpoint(config, [&](const std::string& line) {
      if (communicator.is_root()) log_warning(line);
    });
    if (!checkpoint) return;
    check_checkpoint(*checkpoint, config, asked.given, dataset.store);
    require_same_steps(*checkpoint, pairs_per_step(config, communicator.size()), communicator.size());
  });
  require_same_checkpoint(checkpoint ? std::optional(checkpoint->file) : std::nullopt,
                          checkpoint ? digest_of(checkpoint->content) : 0, config.run, communicator);
  ModelContent content = checkpoint ? checkpoint->content : starting_model(config, asked.given, dataset, communicator);
  std::unique_ptr<PairCurriculum> curriculum;
  agreed(communicator, [&] {
    check_sizes(config);
    const dist::Deadline deadline = waiting_for_files("a read of the plan", config.dist.timeout());
    const io::TseStore& store = dataset.store;
    curriculum = config.train.plan.empty()
                     ? drawn_pairs(store, config)
                     : planned_pairs(store, read_plan(config.train.plan, store, config.train.frames));
  });
  if (const auto plan = curriculum->plan_identity()) {
    require_same_plan(*plan, checkpoint, config.train.plan, communicator);
  }
  config.run.dir = run_folder(config, checkpoint ? std::optional(checkpoint->file) : std::nullopt, communicator);

  RunStart begin{
      to_toml(config),
      describe_environment(communicator, config.dist, std::string(kernels::cpu::best_alignment_variant().name),
                           report_gpus(), gpu ? gpu->describe() : "cpu"),
      {},
      {},
      inputs_of(config)};
  if (checkpoint) {
    begin.from_step = checkpoint->content.training->course.step;
    begin.bring_history = [&] { bring_run(checkpoint->file, config.run.dir, best_of(*checkpoint)); };
  }
  RunDirectory run = open_run(config, begin, communicator);
  const LoopSettings settings = loop_settings(config, communicator.size());
  PhaseClock phases;
  std::optional<RunValidation> validation;
  std::optional<LrpropTrainee> trainee;
  RunFiles files(config.run, run, config.dist.timeout());
  std::optional<TrainingLoop> loop;
  try {
    std::optional<Resumed> resumed;
    if (checkpoint) {
      resumed = Resumed{content.training->course, checkpoint->spent};
      log_info(fmt::format("resuming from {}: {} epochs and {} steps done", checkpoint->file.string(),
                           resumed->course.epoch, resumed->course.step));
    }
    describe_work(dataset, *curriculum, content, config, communicator);
    for (const std::string& line : known_to_collapse(config)) {
      if (communicator.is_root()) log_warning(line);
    }
    validation.emplace(config, dataset, threads, communicator);
    trainee.emplace(config, communicator, dataset, *curriculum, std::move(content), gpu.get(), phases, threads,
                    &*validation, write_model);
    if (checkpoint && !keeps_best(config.run.dir, best_of(*checkpoint), config.dist, communicator)) {
      resumed->course.best = EpochScores::none(trainee->score_names());
    }
    loop.emplace(settings, communicator, dataset.store, *curriculum, *trainee, files, phases, resumed);
    const ExitCode code = train(*loop, config.train.epoch_count(), run, communicator);
    if (code != ExitCode::kDone) return code;
    log_info(fmt::format("done in {:.1f} s: train loss {:.4f}, mean cosine within a video {:.3f} in the last epoch",
                         loop->elapsed_seconds(), loop->course().last.train.front(),
                         LrpropTrainee::cosine_of(loop->course().last)));
    report(dataset, *trainee, *validation, config, threads, run, communicator);
    log_info(fmt::format("model: {}", (config.run.dir / run_layout::kModel).string()));
    return code;
  } catch (const dist::AgreedFailure& failure) {
    leave_failed_run(failure, loop ? &*loop : nullptr, run, config.run);
    throw;
  }
}

}  // namespace alignment::lrprop
