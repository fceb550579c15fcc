#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "src/dejavid/commands/class_report.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/evaluation/neighbours.hpp"
#include "src/dejavid/model/data_settings.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/result.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {
namespace {

constexpr const char* kUnknownToTraining = "of classes that no training sample has";

/// What the neighbours say of the classes of the samples that they were looked for.
struct Judgement {
  std::int64_t correct = 0;
  std::vector<std::int64_t> confusion;  ///< [C,C] counts, row = label, column = prediction

  Judgement(const io::TseStore& store, const std::vector<std::int64_t>& samples,
            const std::vector<std::int64_t>& nearest) {
    const auto classes = static_cast<std::size_t>(store.class_count());
    confusion.resize(classes * classes);
    for (std::size_t n = 0; n < samples.size(); ++n) {
      const std::int32_t label = store.label(samples[n]), prediction = store.label(nearest[n]);
      ++confusion[static_cast<std::size_t>(label) * classes + static_cast<std::size_t>(prediction)];
      correct += label == prediction ? 1 : 0;
    }
  }
};

}  // namespace

void run_neighbours(Config config, const std::filesystem::path& json, dist::Communicator& communicator) {
  require_device(config.dist, "dejavid_dist", communicator);
  const std::optional<io::ResultFile> result =
      open_result(json, inputs_of(config), config.dist.timeout(), communicator);
  const int threads = thread_count(config.dist, communicator);
  Dataset dataset = Dataset::open(config, communicator, {}, io::ClassMatching::kUnion);
  io::TseStore& store = dataset.store;
  static_cast<void>(hold_out(store, config));
  const EvaluationSplit split = choose_split(store, config.eval.split);
  std::vector<std::int64_t> training = store.samples_of(io::Split::kTrain);
  std::erase_if(training, [&](std::int64_t sample) { return store.label(sample) == io::kNoLabel; });

  std::vector<bool> is_known(static_cast<std::size_t>(store.class_count()));
  for (const std::int64_t sample : training) is_known[static_cast<std::size_t>(store.label(sample))] = true;
  const auto is_judged = [&](std::int64_t sample) {
    const std::int32_t label = store.label(sample);
    return label != io::kNoLabel && is_known[static_cast<std::size_t>(label)];
  };
  const LeftOut left_out(store, split.samples, is_judged);
  std::vector<std::int64_t> judged = split.samples;
  std::erase_if(judged, [&](std::int64_t sample) { return !is_judged(sample); });
  agreed(communicator, [&] {
    require_samples(split, store, config);
    const std::string file = config.data.store.front().string();
    const std::size_t needed = split.split == io::Split::kTrain ? 2 : 1;  // no sample is its own neighbour
    if (training.size() < needed) {
      throw io::StoreError(
          fmt::format("{}:split: found {} train samples with a label; expected at least {} to be neighbours; add some "
                      "to data.store",
                      file, training.size(), needed));
    }
    if (judged.empty()) {
      throw io::StoreError(
          fmt::format("{}:labels: found no {} samples that can be right or wrong: {}; expected some of the training "
                      "samples' classes; choose another eval.split",
                      file, split.name, left_out.text(kUnknownToTraining)));
    }
  });

  const auto start = std::chrono::steady_clock::now();
  const Neighbours found = find_neighbours(store, judged, training, config, threads, communicator);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    const Judgement judgement(store, judged, found.nearest);
    const double top1 = static_cast<double>(judgement.correct) / static_cast<double>(judged.size());
    if (!result || !result->is_standard_output()) {
      std::string text = fmt::format(
          "{} {} samples: top-1 {:.4f} by the nearest of {} training samples under DTW ({} cells, {:.2f} s)\n",
          judged.size(), split.name, top1, training.size(), found.cells, seconds);
      if (left_out.samples > 0) text += fmt::format("left out of all numbers: {}\n", left_out.text(kUnknownToTraining));
      io::write_standard_output(text + text_of_classes(judgement.confusion, store.class_names()));
    }
    if (result) {
      nlohmann::ordered_json numbers{{"split", split.name},
                                     {"samples", judged.size()},
                                     {"top1", top1},
                                     {"training_samples", training.size()},
                                     {"cells", found.cells},
                                     {"seconds", seconds},
                                     {"left_out", json_of(left_out)}};
      add_classes(judgement.confusion, store.class_names(), numbers);
      write_result(*result, numbers.dump(2) + "\n", config.dist.timeout());
    }
  });
}

}  // namespace alignment::dejavid
