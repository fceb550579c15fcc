#include "src/dejavid/model/data_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "io/bytes/digest.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/samples/dataset.hpp"
#include "src/training/samples/random.hpp"

namespace alignment::dejavid {

namespace {

/// Of the training samples; of two in the middle the shorter, and 0 where there are none.
std::int64_t median_length(const io::TseStore& store) {
  std::vector<std::int64_t> lengths;
  for (const std::int64_t sample : store.samples_of(io::Split::kTrain)) lengths.push_back(store.length(sample));
  if (lengths.empty()) return 0;
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>((lengths.size() - 1) / 2);
  std::nth_element(lengths.begin(), middle, lengths.end());
  return *middle;
}

}  // namespace

std::int64_t steps_of(const Config& config, const io::TseStore& store) {
  if (config.model.steps != ModelConfig::kStepsOfData) return config.model.steps;
  return std::clamp(median_length(store), ModelConfig::kLeastAutoSteps, ModelConfig::kMostAutoSteps);
}

std::int64_t steps_of_epoch(const Config& config, const io::TseStore& store) {
  const auto samples = static_cast<std::int64_t>(store.samples_of(io::Split::kTrain).size());
  return std::max((samples + config.train.batch_size - 1) / config.train.batch_size, std::int64_t{1});
}

std::int64_t epochs_of(const Config& config, const io::TseStore& store) {
  if (config.train.epochs != TrainConfig::kEpochsOfData) return config.train.epochs;
  const std::int64_t steps = steps_of_epoch(config, store);
  return std::clamp((TrainConfig::kOptimizerSteps + steps - 1) / steps, TrainConfig::kLeastEpochs,
                    TrainConfig::kMostEpochs);
}

void settle_auto(Config& config, const io::TseStore& store) {
  const std::int64_t epochs = epochs_of(config, store), steps = steps_of(config, store);
  if (epochs != config.train.epochs) {
    log_info(fmt::format("train.epochs = auto: {} ({} steps; aim {}, limits {} to {} epochs)", epochs,
                         epochs * steps_of_epoch(config, store), TrainConfig::kOptimizerSteps,
                         TrainConfig::kLeastEpochs, TrainConfig::kMostEpochs));
  }
  if (steps != config.model.steps) {
    log_info(fmt::format("model.steps = auto: {} (median length {} of the training samples, limits {} to {})", steps,
                         median_length(store), ModelConfig::kLeastAutoSteps, ModelConfig::kMostAutoSteps));
  }
  config.train.epochs = epochs;
  config.model.steps = steps;
}

std::int64_t feature_dim_of(const Config& config, const io::TseStore& store) {
  return config.samples.slope ? 2 * store.feature_dim() : store.feature_dim();
}

HeldOut drawn_to_hold_out(const io::TseStore& store, const Config& config) {
  HeldOut held_out;
  if (config.samples.holdout == 0 || has_validation(store)) return held_out;
  // Drawn among all, as another command may not leave out the same samples, and in the order of ids, as it may be given
  // the stores in another one.
  std::map<std::string, std::vector<std::int64_t>> of_class;
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
    if (store.split(sample) == io::Split::kTrain) of_class[store.class_name(sample)].push_back(sample);
  }
  const std::vector<std::int64_t> there = store.samples_of(io::Split::kTrain);
  const auto is_there = [&](std::int64_t sample) { return std::binary_search(there.begin(), there.end(), sample); };
  io::Digest ids;
  for (auto& [name, samples] : of_class) {
    std::stable_sort(samples.begin(), samples.end(),
                     [&](std::int64_t a, std::int64_t b) { return store.id(a) < store.id(b); });
    const auto count = static_cast<std::int64_t>(samples.size());
    const std::int64_t most =
        std::min(std::llround(config.samples.holdout * static_cast<double>(count)), static_cast<long long>(count - 1));
    io::Digest of_name;
    of_name.add(name);
    Random random{static_cast<std::uint64_t>(config.train.seed), of_name.value(), 0x686F6C646F7574U};  // "holdout"
    std::vector<std::int64_t> drawn = random.draw(count, most);
    for (std::int64_t& position : drawn) position = samples[static_cast<std::size_t>(position)];
    const auto drawn_there = std::count_if(drawn.begin(), drawn.end(), is_there);
    if (drawn_there > 0 && drawn_there == std::count_if(samples.begin(), samples.end(), is_there)) {
      drawn.erase(std::find_if(drawn.begin(), drawn.end(), is_there));
    }
    for (const std::int64_t sample : drawn) ids.add(store.id(sample));
    held_out.samples += std::count_if(drawn.begin(), drawn.end(), is_there);
    held_out.drawn.insert(held_out.drawn.end(), drawn.begin(), drawn.end());
  }
  if (held_out.samples > 0) held_out.digest = ids.value();
  return held_out;
}

HeldOut hold_out(io::TseStore& store, const Config& config) {
  HeldOut held_out = drawn_to_hold_out(store, config);
  store.move_to_validation(held_out.drawn);
  return held_out;
}

}  // namespace alignment::dejavid
