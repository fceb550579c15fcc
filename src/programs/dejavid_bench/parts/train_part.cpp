// Whole training epochs by the real trainer, on a synthetic set or a given store, on any number of ranks.

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>

#include "kernels/variants.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/trainee.hpp"
#include "src/job/agreed.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/problems/gpu_kernels.hpp"
#include "src/programs/dejavid_bench/problems/training_problem.hpp"

namespace alignment::dejavid::bench {
namespace {

struct Options : TrainingOptions {
  std::int64_t epochs = 3;
};

/// One epoch of one rank.
struct Epoch {
  double seconds = 0;  ///< of the training part, by the slowest rank
  std::array<double, kPhaseNames.size()> phases{};
};

/// One more epoch.
Epoch train_epoch(TrainingLoop& loop, const PhaseClock& phases, dist::Communicator& communicator) {
  const auto before = phases.seconds();
  communicator.barrier();
  bool finished = false;
  Epoch epoch;
  epoch.seconds = seconds_of([&] { finished = loop.run_to(loop.course().epoch + 1); });
  if (!finished) agreed(communicator, stop_if_asked);
  for (std::size_t phase = 0; phase < before.size(); ++phase) {
    epoch.phases[phase] = phases.seconds()[phase] - before[phase];
  }
  epoch.seconds -= epoch.phases[static_cast<std::size_t>(Phase::kEvaluate)];
  epoch.seconds = largest_of_ranks(epoch.seconds, communicator);
  return epoch;
}

Record record_of(const Options& options, const TrainingProblem& problem, std::vector<Epoch> epochs) {
  std::vector<double> seconds;
  seconds.reserve(epochs.size());
  for (const Epoch& epoch : epochs) seconds.push_back(epoch.seconds);
  const Summary summary = summarize(seconds);
  const auto middle = epochs.begin() + (static_cast<std::ptrdiff_t>(epochs.size()) - 1) / 2;
  std::nth_element(epochs.begin(), middle, epochs.end(),
                   [](const Epoch& one, const Epoch& other) { return one.seconds < other.seconds; });

  Record record;
  record.part = "train";
  record.name = "epoch";
  record.variant = kernels::best_variant().name;
  record.shape = training_shape(options, problem);
  record.seconds = summary.seconds;
  record.spread = summary.spread;
  const auto samples = static_cast<double>(problem.dataset.store.samples_of(io::Split::kTrain).size());
  record.elements = static_cast<double>(problem.model.element_count()) * std::round(samples * record.shape.length);
  record.samples_per_s = samples / summary.seconds;
  for (std::size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
    record.phases.emplace_back(kPhaseNames[phase], middle->phases[phase]);
  }
  return record;
}

std::vector<Record> measure_training(const Options& options, dist::Communicator& communicator) {
  install_stop_signals();
  std::optional<TemporaryFolder> folder;  // rank 0's
  const Config config = training_config(options, training_store(options, folder, communicator));
  TrainingProblem problem(config, communicator);
  const int threads = problem.threads;
  const Device* const device = problem.device.get();
  const LoopSettings settings = loop_settings(config);
  PhaseClock phases;
  DejaVidTrainee trainee(config, communicator, problem.dataset, problem.model, *problem.device, phases, nullptr,
                         nullptr);
  const SampleCurriculum curriculum(problem.dataset.store, config.train.shuffle);
  RunRecord nowhere;
  TrainingLoop loop(settings, communicator, problem.dataset.store, curriculum, trainee, nowhere, phases, std::nullopt);
  const Epoch first = train_epoch(loop, phases, communicator);  // comes by the features, and by memory
  BesideRoof beside(roof_of_ranks(*device, threads, communicator));
  std::vector<Epoch> epochs;
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    epochs.push_back(train_epoch(loop, phases, communicator));
    beside.add(epochs.back().seconds);
  }
  Record record = record_of(options, problem, std::move(epochs));
  record.roof = beside.roof(record.seconds);
  if (!device->is_gpu()) {
    record.most_of_roof = config.train.path_precision == PathPrecision::kI8 ? kMostOfRoofOnIntegers : kMostOfRoof;
  }
  record.first_seconds = first.seconds;
  record.ranks = communicator.size().value;
  record.threads = threads;
  std::int64_t peak = peak_resident_bytes();
  communicator.all_reduce(std::span(&peak, 1), dist::Reduction::kMax);
  record.peak_bytes = peak;
  if (device->is_gpu()) {
    record.variant = "cuda";
    std::int64_t device_peak = device->peak_bytes();
    communicator.all_reduce(std::span(&device_peak, 1), dist::Reduction::kMax);
    record.device_peak_bytes = device_peak;
    double nominal = nominal_gpu_roof();
    communicator.all_reduce(std::span(&nominal, 1), dist::Reduction::kSum);
    record.nominal_roof = nominal;
    const auto low = find_low_roof(*record.roof, nominal);
    if (low && communicator.is_root()) log_warning(*low);
  }
  return {record};
}

}  // namespace

void add_train(CLI::App& program, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "train", "whole epochs of training, alone or under mpirun; the set is made in $TMPDIR unless a store is given");
  add_training_options(*command, *options);
  add_count_option(*command, "--epochs", options->epochs, "epochs to time, after a first one; default 3", "E");
  add_json_option(*command, choice);
  command->callback([options, &choice] {
    choice.all_ranks = true;
    choice.inputs = {options->store};
    choice.measure = [options](dist::Communicator& communicator) { return measure_training(*options, communicator); };
  });
}

}  // namespace alignment::dejavid::bench
