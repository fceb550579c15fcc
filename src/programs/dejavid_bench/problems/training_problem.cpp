#include "src/programs/dejavid_bench/problems/training_problem.hpp"

#include <sys/resource.h>

#include <utility>

#include "dist/text.hpp"
#include "io/formats/synthetic/synthetic.hpp"
#include "kernels/variants.hpp"
#include "src/config/choices.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/config/choices.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/problems/gpu_kernels.hpp"
#include "src/programs/dejavid_bench/problems/synthetic_store.hpp"
#include "src/programs/dejavid_bench/roof/roof.hpp"

namespace alignment::dejavid::bench {
namespace {

std::unique_ptr<Device> chosen_device(const Config& config, dist::Communicator& communicator, int threads) {
  std::unique_ptr<Device> device = choose_device(config, communicator, threads);
  agreed(communicator, [&] {
    require_path_precision(config, *device);
    require_gradient_precision(config, *device);
  });
  return device;
}

Model first_model(Dataset& dataset, dist::Communicator& communicator, const Config& config, int threads) {
  agreed(communicator, [&] { dataset.store.require_training_samples(); });
  return barycenter_model(dataset, communicator, config, threads);
}

}  // namespace

void add_count_option(CLI::App& command, const char* name, std::int64_t& value, const char* text, const char* type) {
  command.add_option(name, value, text)->transform(whole_number(std::int64_t{1}, kMostCount))->type_name(type);
}

void add_training_options(CLI::App& command, TrainingOptions& options) {
  command.add_option("--preset", options.preset, "shape of the set: hmdb51 (the default), k400, ssv2 or order")
      ->check(CLI::IsMember(io::synthetic_presets()).description(""))
      ->type_name("NAME");
  add_count_option(command, "--samples", options.samples, "training samples to make; default 768", "N");
  command.add_option("--val-samples", options.val_samples, "validation samples to make; default 0")
      ->transform(whole_number(std::int64_t{0}, kMostCount))
      ->type_name("M");
  add_count_option(command, "--batch-size", options.batch_size, "samples a step, over all ranks; default 384", "N");
  command.add_option("--device", options.device, "auto (the default: a GPU where every rank has one), cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}).description(""))
      ->type_name("NAME");
  command.add_option("--path-precision", options.path_precision, "train.path_precision: f32 (the default), f16 or i8")
      ->check(CLI::IsMember({"f32", "f16", "i8"}).description(""))
      ->type_name("NAME");
  command
      .add_option("--gradient-precision", options.gradient_precision,
                  "train.gradient_precision: f32 (the default) or f16")
      ->check(CLI::IsMember({"f32", "f16"}).description(""))
      ->type_name("NAME");
  add_count_option(command, "--threads", options.threads, "threads a rank; default its share of the cores", "N");
  command.add_option("--store", options.store, "train on this store; every rank must be able to read it")
      ->type_name("FILE.h5")
      ->excludes("--preset", "--samples", "--val-samples");
}

Config training_config(const TrainingOptions& options, const std::filesystem::path& store) {
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

std::filesystem::path training_store(const TrainingOptions& options, std::optional<TemporaryFolder>& folder,
                                     dist::Communicator& communicator) {
  if (!options.store.empty()) return options.store;
  std::filesystem::path store;
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    folder.emplace();
    store = write_synthetic_store(options.preset, options.samples, options.val_samples, folder->path());
  });
  return dist::broadcast_text(communicator, store.string(), dist::Rank{0});
}

TrainingProblem::TrainingProblem(const Config& config, dist::Communicator& communicator)
    : threads(thread_count(config.dist, communicator)),
      device(chosen_device(config, communicator, threads)),
      dataset(Dataset::open(config, communicator, needs_of_training(*device, config))),
      model(first_model(dataset, communicator, config, threads)) {
  describe_work(dataset, model, config, communicator, *device);
}

Shape training_shape(const TrainingOptions& options, const TrainingProblem& problem) {
  const io::TseStore& store = problem.dataset.store;
  const std::vector<std::int64_t> training = store.samples_of(io::Split::kTrain);
  std::int64_t columns = 0;
  for (const std::int64_t sample : training) columns += store.length(sample);
  return {options.store.empty() ? options.preset : options.store.filename().string(),
          problem.model.classes,
          problem.model.steps,
          problem.model.feature_dim,
          static_cast<double>(columns) / static_cast<double>(training.size()),
          options.batch_size};
}

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

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

double largest_of_ranks(double value, dist::Communicator& communicator) {
  communicator.all_reduce(std::span(&value, 1), dist::Reduction::kMax);
  return value;
}

}  // namespace alignment::dejavid::bench
