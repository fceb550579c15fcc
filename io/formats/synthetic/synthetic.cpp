#include "io/formats/synthetic/synthetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "io/bytes/text.hpp"
#include "io/formats/synthetic/random.hpp"

namespace alignment::io {
namespace {

// The events' entries have deviation 1. Some features are noisier than others, the same ones for every class and step,
// so that there is something for weights to learn: a feature's noise has deviation kMedianNoise * exp(kNoiseSpread *
// normal).
constexpr float kMedianNoise = 0.55F, kNoiseSpread = 1.2F;
constexpr double kLengthSpread = 0.45;  // deviation of a log-normal length's logarithm
constexpr double kShortestWeight =
    0.3;  // an event's share of the spare steps is uniform in kShortestWeight..1 before scaling
constexpr std::size_t kFewestEvents = 6;
constexpr std::uint64_t kRoom = 20;  // as many orders as classes times this, so that orders can lie apart
constexpr int kCandidates = 64;      // orders drawn per class, of which the one farthest from the others is kept

/// What a random number is for: part of its key.
enum class Purpose : std::uint64_t { kEvents, kOrders, kLength, kDurations, kNoise, kNoisiness };

using Order = std::vector<std::size_t>;  ///< [P] events in the order in which a class plays them

std::size_t event_count(std::int64_t classes) {
  std::size_t events = 1;
  std::uint64_t orders = 1;
  while (events < kFewestEvents || orders < kRoom * static_cast<std::uint64_t>(classes)) {
    orders *= ++events;
  }
  return events;
}

/// Pairs of events that the two orders play in opposite sequence.
std::int64_t kendall_distance(const Order& one, const Order& other) {
  Order place(other.size());
  for (std::size_t position = 0; position < other.size(); ++position) {
    place[other[position]] = position;
  }
  std::int64_t distance = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    for (std::size_t j = i + 1; j < one.size(); ++j) {
      distance += place[one[i]] > place[one[j]] ? 1 : 0;
    }
  }
  return distance;
}

Order random_order(std::size_t events, KeyedRandom& random) {
  Order order(events);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t left = events; left > 1; --left) {
    std::swap(order[left - 1], order[random.below(left)]);
  }
  return order;
}

std::vector<Order> choose_orders(std::int64_t classes, std::size_t events, std::uint64_t seed) {
  std::vector<Order> orders;
  for (std::int64_t label = 0; label < classes; ++label) {
    KeyedRandom random(seed, Purpose::kOrders, label);
    Order best;
    std::int64_t best_distance = 0;
    for (int candidate = 0; candidate < kCandidates || best_distance == 0; ++candidate) {
      Order order = random_order(events, random);
      std::int64_t closest = static_cast<std::int64_t>(events * events);
      for (const Order& taken : orders) {
        closest = std::min(closest, kendall_distance(order, taken));
        if (closest <= best_distance) {
          break;
        }
      }
      if (closest > best_distance) {
        best = std::move(order);
        best_distance = closest;
      }
    }
    orders.push_back(std::move(best));
  }
  return orders;
}

void require(bool good, std::string_view message) {
  if (!good) {
    throw std::invalid_argument(std::string(message));
  }
}

void check(const SyntheticOptions& options) {
  constexpr std::int64_t kMost = 1'000'000;  // classes; keeps the factorials in range
  require(options.classes >= 2 && options.classes <= kMost,
          fmt::format("--classes: found {}; expected 2 to {}; choose another number", options.classes, kMost));
  constexpr std::int64_t kMostNumbers = std::int64_t{1} << 31;  // of a sample: 8 GiB
  require(options.features >= 1 && options.features <= kMostNumbers,
          fmt::format("--features: found {}; expected 1 to {}; choose another number", options.features, kMostNumbers));
  require(options.length.shortest >= 2 && options.length.longest >= options.length.shortest,
          fmt::format("--steps: found {}; expected at least 2; one step has no order", options.length.shortest));
  require(
      options.length.longest <= kMostNumbers / options.features,
      fmt::format("--steps: found {}; expected at most {} of {} features; a sample would have more than 2^31 numbers",
                  options.length.longest, kMostNumbers / options.features, options.features));
  require(options.train_samples >= options.classes,
          fmt::format("--samples: found {}; expected at least {}; every class needs a training sample",
                      options.train_samples, options.classes));
  constexpr std::int64_t kMostSamples = std::int64_t{1} << 31;
  require(options.train_samples <= kMostSamples,
          fmt::format("--samples: found {}; expected at most {}; choose another number", options.train_samples,
                      kMostSamples));
  require(options.val_samples >= 0 && options.val_samples <= kMostSamples,
          fmt::format("--val-samples: found {}; expected 0 to {}; choose another number", options.val_samples,
                      kMostSamples));
}

class SyntheticSource : public SampleSource {
 public:
  explicit SyntheticSource(const SyntheticOptions& options) : options_(options) {
    check(options);
    const std::size_t events = event_count(options.classes), features = static_cast<std::size_t>(options.features);
    orders_ = choose_orders(options.classes, events, options.seed);
    events_.resize(events * features);
    KeyedRandom random(options.seed, Purpose::kEvents);
    std::generate(events_.begin(), events_.end(), [&] { return random.gaussian(); });
    noise_.resize(features);
    KeyedRandom noisiness(options.seed, Purpose::kNoisiness);
    std::generate(noise_.begin(), noise_.end(),
                  [&] { return kMedianNoise * std::exp(kNoiseSpread * noisiness.gaussian()); });

    header_.feature_dim = options.features;
    for (std::int64_t label = 0; label < options.classes; ++label) {
      header_.class_names.push_back(fmt::format("order_{:03}", label));
    }
    if (options.features >= options.classes) header_.logits = options.classes;
    header_.encoder = "none: synthetic";
    header_.source = fmt::format("synthetic {} seed {}", options.name, options.seed);
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override { return options_.train_samples + options_.val_samples; }

  void next(SourceSample& sample) override {
    const bool train = position_ < options_.train_samples;
    const std::int64_t index = train ? position_ : position_ - options_.train_samples;
    ++position_;
    sample.id = fmt::format("{}_{:06}", train ? "train" : "val", index);
    sample.origin = fmt::format("{}: sample {}", header_.source, sample.id);
    sample.split = train ? Split::kTrain : Split::kValidation;
    sample.label = static_cast<std::int32_t>(index % options_.classes);

    const std::size_t steps = draw_length(sample.split, index), features = static_cast<std::size_t>(options_.features);
    const std::vector<std::size_t> durations = draw_durations(sample.split, index, steps);
    const Order& order = orders_[static_cast<std::size_t>(sample.label)];
    sample.features.resize(steps * features);
    float* row = sample.features.data();
    std::size_t step = 0;
    for (std::size_t position = 0; position < order.size(); ++position) {
      const float* event = events_.data() + order[position] * features;
      for (std::size_t repeat = 0; repeat < durations[position]; ++repeat, ++step, row += features) {
        KeyedRandom random(options_.seed, Purpose::kNoise, sample.split, index, step);
        for (std::size_t feature = 0; feature < features; ++feature) {
          row[feature] = event[feature] + noise_[feature] * random.gaussian();
        }
      }
    }
  }

 private:
  [[nodiscard]] std::size_t draw_length(Split split, std::int64_t index) const {
    const LengthRule& rule = options_.length;
    KeyedRandom random(options_.seed, Purpose::kLength, split, index);
    if (rule.median > 0) {
      const double length = rule.median * std::exp(kLengthSpread * static_cast<double>(random.gaussian()));
      return static_cast<std::size_t>(
          std::clamp(std::lround(length), static_cast<long>(rule.shortest), static_cast<long>(rule.longest)));
    }
    return static_cast<std::size_t>(rule.shortest) +
           random.below(static_cast<std::uint64_t>(rule.longest - rule.shortest + 1));
  }

  /// [P] steps that each position of the order lasts: exchangeable over the positions, so independent of the class.
  [[nodiscard]] std::vector<std::size_t> draw_durations(Split split, std::int64_t index, std::size_t steps) const {
    KeyedRandom random(options_.seed, Purpose::kDurations, split, index);
    const std::size_t events = orders_.front().size();
    if (steps < events) {
      std::vector<std::size_t> durations(events, 0);
      const Order chosen = random_order(events, random);
      for (std::size_t i = 0; i < steps; ++i) {
        durations[chosen[i]] = 1;
      }
      return durations;
    }
    std::vector<std::size_t> durations(events, 1);
    std::vector<double> reach(events);  // running sum of the positions' weights
    double total = 0;
    for (double& end : reach) {
      end = total += kShortestWeight + (1 - kShortestWeight) * random.uniform();
    }
    for (std::size_t spare = events; spare < steps; ++spare) {
      const auto position = std::upper_bound(reach.begin(), reach.end() - 1, random.uniform() * total) - reach.begin();
      ++durations[static_cast<std::size_t>(position)];
    }
    return durations;
  }

  SyntheticOptions options_;
  TseStoreHeader header_;
  std::vector<Order> orders_;  ///< [C]
  std::vector<float> events_;  ///< [P,F]
  std::vector<float> noise_;   ///< [F] deviation of each feature's noise
  std::int64_t position_ = 0;
};

struct Preset {
  const char* name;
  std::int64_t classes, features;
  LengthRule length;
};

constexpr Preset kPresets[] = {
    {"hmdb51", 51, 1459, {33, 33, 0}},
    {"k400", 400, 1808, {33, 33, 0}},
    {"ssv2", 174, 6328, {15, 150, 40}},
    {"order", 6, 24, {12, 30, 0}},
};

}  // namespace

const std::vector<std::string>& synthetic_presets() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Preset& preset : kPresets) {
      result.emplace_back(preset.name);
    }
    return result;
  }();
  return names;
}

SyntheticOptions synthetic_preset(const std::string& name) {
  for (const Preset& preset : kPresets) {
    if (name == preset.name) {
      SyntheticOptions options;
      options.name = preset.name;
      options.classes = preset.classes;
      options.features = preset.features;
      options.length = preset.length;
      return options;
    }
  }
  throw std::invalid_argument(fmt::format("--preset: found '{}'; expected one of {}; nearest: {}", excerpt(name),
                                          fmt::join(synthetic_presets(), ", "),
                                          nearest(name, {synthetic_presets().begin(), synthetic_presets().end()})));
}

std::unique_ptr<SampleSource> make_synthetic(const SyntheticOptions& options) {
  return std::make_unique<SyntheticSource>(options);
}

}  // namespace alignment::io
