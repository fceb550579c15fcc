// Whole training epochs by the real trainer, on a synthetic set or a given store, on any number of ranks.

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "dist/text.hpp"
#include "io/formats/synthetic/synthetic.hpp"
#include "kernels/variants.hpp"
#include "src/config/choices.hpp"
#include "src/config/command_line.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/model_setup.hpp"
#include "src/dejavid/trainer.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/failure.hpp"
#include "src/job/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/gpu_kernels.hpp"
#include "src/programs/dejavid_bench/measurement.hpp"
#include "src/programs/dejavid_bench/parts.hpp"
#include "src/programs/dejavid_bench/roof.hpp"
#include "src/programs/dejavid_bench/synthetic_store.hpp"
#include "src/programs/dejavid_bench/temporary_folder.hpp"

namespace alignment::bench {
namespace {

struct Options {
  std::string preset = "hmdb51";
  std::int64_t samples = 768, val_samples = 0;
  std::int64_t batch_size = TrainConfig{}.batch_size;
  std::int64_t epochs = 3;
  std::int64_t threads = 0;
  std::filesystem::path store;
  std::string device = "auto", path_precision = "f32", gradient_precision = "f32";
};

/// One epoch of one rank.
struct Epoch {
  double seconds = 0;  ///< of the training part, by the slowest rank
  std::array<double, kPhaseNames.size()> phases{};
};

/// What the paper's configurations say that touches the time, up to the end of the first epoch.
Config training_config(const Options& options, const std::filesystem::path& store) {
  Config config;
  config.data.store = {store};
  config.centroids.iterations = 1;  // the values of the centroids do not change what a step costs
  config.train.epochs = 1;
  config.train.batch_size = options.batch_size;
  config.dist.threads = options.threads;
  for (const DeviceChoice choice : {DeviceChoice::kAuto, DeviceChoice::kCpu, DeviceChoice::kCuda}) {
    if (choice_name(choice) == options.device) config.dist.device = choice;
  }
  for (const PathPrecision choice : {PathPrecision::kF32, PathPrecision::kF16, PathPrecision::kI8}) {
    if (choice_name(choice) == options.path_precision) config.train.path_precision = choice;
  }
  for (const GradientPrecision choice : {GradientPrecision::kF32, GradientPrecision::kF16}) {
    if (choice_name(choice) == options.gradient_precision) config.train.gradient_precision = choice;
  }
  return config;
}

double largest_of_ranks(double value, dist::Communicator& communicator) {
  communicator.all_reduce(std::span(&value, 1), dist::Reduction::kMax);
  return value;
}

/// Collective, like each call of what it returns: elements a second of all ranks at the same time.
RoofMeter roof_of_ranks(const Device& device, int threads, dist::Communicator& communicator) {
  constexpr double kGpuSeconds = 0.02;
  const RoofMeter own =
      device.is_gpu() ? [] { return measure_gpu_roof(kGpuSeconds); } : roof_meter(kernels::best_variant(), threads);
  return [own, &communicator] {
    communicator.barrier();
    double roof = own();
    communicator.all_reduce(std::span(&roof, 1), dist::Reduction::kSum);
    return roof;
  };
}

/// One more epoch of `trainer`, which was made with `config`.
Epoch train_epoch(Trainer& trainer, Config& config, dist::Communicator& communicator) {
  const auto before = trainer.phases().seconds();
  communicator.barrier();
  bool finished = false;
  Epoch epoch;
  epoch.seconds = seconds_of([&] { finished = trainer.run(nullptr); });
  ++config.train.epochs;
  if (!finished) agreed(communicator, stop_if_asked);
  for (std::size_t phase = 0; phase < before.size(); ++phase) {
    epoch.phases[phase] = trainer.phases().seconds()[phase] - before[phase];
  }
  epoch.seconds -= epoch.phases[static_cast<std::size_t>(Phase::kEvaluate)];
  epoch.seconds = largest_of_ranks(epoch.seconds, communicator);
  return epoch;
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

Record record_of(const Options& options, const Dataset& dataset, const Model& model, std::vector<Epoch> epochs) {
  const std::vector<std::int64_t> training = dataset.store.samples_of(io::Split::kTrain);
  std::int64_t columns = 0;
  for (const std::int64_t sample : training) columns += dataset.store.length(sample);
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
  record.shape = {options.store.empty() ? options.preset : options.store.filename().string(),
                  model.classes,
                  model.steps,
                  model.feature_dim,
                  static_cast<double>(columns) / static_cast<double>(training.size()),
                  options.batch_size};
  record.seconds = summary.seconds;
  record.spread = summary.spread;
  record.elements = static_cast<double>(model.element_count()) * static_cast<double>(columns);
  record.samples_per_s = static_cast<double>(training.size()) / summary.seconds;
  for (std::size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
    record.phases.emplace_back(kPhaseNames[phase], middle->phases[phase]);
  }
  return record;
}

std::vector<Record> measure_training(const Options& options, dist::Communicator& communicator) {
  install_stop_signals();
  std::optional<TemporaryFolder> folder;  // rank 0's
  std::filesystem::path store = options.store;
  if (store.empty()) {
    agreed(communicator, [&] {
      if (!communicator.is_root()) return;
      folder.emplace();
      store = write_synthetic_store(options.preset, options.samples, options.val_samples, folder->path());
    });
    store = dist::broadcast_text(communicator, store.string(), dist::Rank{0});
  }

  Config config = training_config(options, store);
  const int threads = thread_count(config, communicator);
  const std::unique_ptr<Device> device = choose_device(config, communicator, threads);
  agreed(communicator, [&] {
    require_path_precision(config, *device);
    require_gradient_precision(config, *device);
  });
  Dataset dataset = Dataset::open(config, communicator, device.get(), DatasetUse::kTraining);
  agreed(communicator, [&] { dataset.store.require_training_samples(); });
  Model model = barycenter_model(dataset, communicator, config, threads);
  describe_work(dataset, model, config, communicator, *device);

  Trainer trainer(config, communicator, dataset, model, *device, std::nullopt);
  const Epoch first = train_epoch(trainer, config, communicator);  // comes by the features, and by memory
  BesideRoof beside(roof_of_ranks(*device, threads, communicator));
  std::vector<Epoch> epochs;
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    epochs.push_back(train_epoch(trainer, config, communicator));
    beside.add(epochs.back().seconds);
  }
  Record record = record_of(options, dataset, model, std::move(epochs));
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
  command->add_option("--preset", options->preset, "shape of the set: hmdb51 (the default), k400, ssv2 or order")
      ->check(CLI::IsMember(io::synthetic_presets()).description(""))
      ->type_name("NAME");
  const auto add_count = [&](const char* name, std::int64_t& value, const char* text, const char* type) {
    return command->add_option(name, value, text)
        ->check(CLI::Range(std::int64_t{1}, kMostCount).description(""))
        ->type_name(type);
  };
  add_count("--samples", options->samples, "training samples to make; default 768", "N");
  command->add_option("--val-samples", options->val_samples, "validation samples to make; default 0")
      ->check(CLI::Range(std::int64_t{0}, kMostCount).description(""))
      ->type_name("M");
  add_count("--batch-size", options->batch_size, "samples a step, over all ranks; default 384", "N");
  add_count("--epochs", options->epochs, "epochs to time, after a first one; default 3", "E");
  command->add_option("--device", options->device, "auto (the default: a GPU where every rank has one), cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}).description(""))
      ->type_name("NAME");
  command->add_option("--path-precision", options->path_precision, "train.path_precision: f32 (the default), f16 or i8")
      ->check(CLI::IsMember({"f32", "f16", "i8"}).description(""))
      ->type_name("NAME");
  command
      ->add_option("--gradient-precision", options->gradient_precision,
                   "train.gradient_precision: f32 (the default) or f16")
      ->check(CLI::IsMember({"f32", "f16"}).description(""))
      ->type_name("NAME");
  add_count("--threads", options->threads, "threads a rank; default its share of the cores", "N");
  command->add_option("--store", options->store, "train on this store; every rank must be able to read it")
      ->type_name("FILE.h5")
      ->excludes("--preset", "--samples", "--val-samples");
  add_json_option(*command, choice);
  command->callback([options, &choice] {
    choice.all_ranks = true;
    choice.inputs = {options->store};
    choice.measure = [options](dist::Communicator& communicator) { return measure_training(*options, communicator); };
  });
}

}  // namespace alignment::bench
