#include "src/dejavid/model/centroids.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/barycenter.hpp"
#include "kernels/parallel.hpp"
#include "kernels/warp.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/cpu/aligned_buffer.hpp"
#include "src/dejavid/sample_features.hpp"
#include "src/job/agreed.hpp"
#include "src/job/share_progress.hpp"
#include "src/job/signals/signals.hpp"
#include "src/training/samples/random.hpp"

namespace alignment::dejavid {
namespace {

/// 1 / spread in each of `rows` rows [rows,F].
std::vector<float> weights_of(std::span<const float> spread, std::int64_t rows, std::int64_t feature_dim) {
  std::vector<float> weights(static_cast<std::size_t>(rows * feature_dim), 1.0F);
  for (std::size_t n = 0; n < weights.size() && !spread.empty(); ++n) weights[n] = 1 / spread[n % spread.size()];
  return weights;
}

/// The medoid of n sequences [n,K,F] of equal length, which `samples` are the blocks of: its index.
std::int64_t medoid_of(const kernels::SamplesView<float>& sequences, const kernels::BlockedSamples& samples,
                       std::int64_t steps, std::span<const float> spread) {
  const std::int64_t count = sequences.count, feature_dim = sequences.feature_dim;
  const std::vector<float> weights = weights_of(spread, count * steps, feature_dim);
  const kernels::ParametersView<float> as_classes{sequences.features, weights.data(), count, steps, feature_dim};

  AlignedBuffer<float> panels;
  AlignedBuffer<std::byte> workspace;
  std::vector<std::int32_t> breakpoints(static_cast<std::size_t>(count * count * (steps - 1)));
  std::vector<double> distances(static_cast<std::size_t>(count * count));
  const kernels::PackedParameters packed = kernels::cpu::pack_parameters(
      as_classes, panels.reserve(kernels::packed_parameter_count(count, steps, feature_dim)), 1);
  kernels::cpu::search_paths(packed, samples, false, breakpoints.data(), distances.data(),
                             workspace.reserve(kernels::cpu::search_paths_workspace_bytes(packed, samples, 1)), 1);

  std::vector<double> column_sums(static_cast<std::size_t>(count));
  for (std::int64_t row = 0; row < count; ++row) {
    for (std::int64_t column = 0; column < count; ++column) {
      column_sums[static_cast<std::size_t>(column)] += distances[static_cast<std::size_t>(row * count + column)];
    }
  }
  return std::min_element(column_sums.begin(), column_sums.end()) - column_sums.begin();
}

/// Up to `most` training samples of one class, in ascending order.
std::vector<std::int64_t> draw_samples(const std::vector<std::int64_t>& of_class, std::int64_t most, std::uint64_t seed,
                                       std::int64_t label) {
  const auto total = static_cast<std::int64_t>(of_class.size());
  if (total <= most) return of_class;
  std::vector<std::int64_t> drawn = Random{seed, static_cast<std::uint64_t>(label)}.draw(total, most);
  std::sort(drawn.begin(), drawn.end());
  for (std::int64_t& position : drawn) position = of_class[static_cast<std::size_t>(position)];
  return drawn;
}

/// The classes that a rank looks after, and the samples drawn of each.
struct DrawnClasses {
  std::vector<std::int64_t> classes;
  std::vector<std::vector<std::int64_t>> samples;
};

DrawnClasses drawn_classes(const io::TseStore& store, const dist::Communicator& communicator, const Config& config) {
  std::vector<std::vector<std::int64_t>> of_class(static_cast<std::size_t>(store.class_count()));
  for (const std::int64_t sample : store.samples_of(io::Split::kTrain)) {
    of_class[static_cast<std::size_t>(store.label(sample))].push_back(sample);
  }
  DrawnClasses drawn;
  for (std::int64_t label = communicator.rank().value; label < store.class_count();
       label += communicator.size().value) {
    drawn.classes.push_back(label);
    drawn.samples.push_back(draw_samples(of_class[static_cast<std::size_t>(label)], config.centroids.samples_per_class,
                                         static_cast<std::uint64_t>(config.train.seed), label));
  }
  return drawn;
}

/// How many numbers there were of every feature, their means and the sums of their squared differences from them.
struct FeatureMoments {
  double* count;    ///< [1]
  double* mean;     ///< [F]
  double* squares;  ///< [F]
};

/// Adds one sample's steps (Welford).
void add_steps(const SampleFeatures& features, const FeatureMoments& moments) {
  for (std::int64_t j = 0; j < features.length; ++j) {
    *moments.count += 1;
    const double share = 1 / *moments.count;
    for (std::int64_t f = 0; f < features.width(); ++f) {
      const auto value = static_cast<double>(features.at(j, f));
      const double difference = value - moments.mean[f];
      moments.mean[f] += difference * share;
      moments.squares[f] += difference * (value - moments.mean[f]);
    }
  }
}

/// Adds what others have counted (Chan, Golub & LeVeque).
void add_moments(const FeatureMoments& other, std::int64_t feature_dim, const FeatureMoments& moments) {
  if (*other.count == 0) return;
  const double total = *moments.count + *other.count;
  for (std::int64_t f = 0; f < feature_dim; ++f) {
    const double difference = other.mean[f] - moments.mean[f];
    moments.mean[f] += difference * *other.count / total;
    moments.squares[f] += other.squares[f] + difference * difference * *moments.count * *other.count / total;
  }
  *moments.count = total;
}

/// A feature whose spread is smaller, as a share of its mean, holds nothing but the roundings of f32.
constexpr double kRoundings = 1e-6;
/// The same of a slope, which is the difference of two numbers divided by 2 or more.
constexpr double kSlopeRoundings = 1e-7;
/// Smaller ones leave no room for their squares in f32.
constexpr double kLeastSpread = 1e-30;

/// Standard deviations of [F] numbers: of features, or of the slopes that lie at `first` = F. One that holds nothing
/// but roundings counts as the geometric mean of the others'; where there are no others, as `otherwise`.
std::vector<float> deviations_of(const FeatureMoments& moments, std::int64_t first, std::int64_t count,
                                 const std::vector<float>& otherwise) {
  std::vector<float> spread(static_cast<std::size_t>(count), 0.0F);
  double logarithms = 0, varying = 0;
  const auto deviation_of = [&](std::int64_t at) { return std::sqrt(moments.squares[at] / *moments.count); };
  for (std::int64_t n = 0; n < count; ++n) {
    const double deviation = deviation_of(first + n), mean = std::abs(moments.mean[n]);  // roundings are the feature's
    const bool feature_varies = deviation_of(n) > std::max(kRoundings * mean, kLeastSpread);
    const double least = first == 0 ? kRoundings * mean : kSlopeRoundings * mean;
    if (!feature_varies || !(deviation > std::max(least, kLeastSpread))) continue;
    spread[static_cast<std::size_t>(n)] = static_cast<float>(deviation);
    logarithms += std::log(deviation);
    varying += 1;
  }
  if (varying == 0) return otherwise;
  const auto others = static_cast<float>(std::exp(logarithms / varying));
  std::replace(spread.begin(), spread.end(), 0.0F, others);
  return spread;
}

/// Features of one unit keep what they weigh beside each other, those of different units do not: spreads of which each
/// is less than kUnits times the next smaller are taken for one unit's.
std::vector<std::vector<std::size_t>> units_of(const std::vector<float>& spread) {
  constexpr float kUnits = 30;
  std::vector<std::size_t> order(spread.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return spread[a] < spread[b]; });
  std::vector<std::vector<std::size_t>> units;
  for (std::size_t n = 0; n < order.size(); ++n) {
    if (n == 0 || !(spread[order[n]] < kUnits * spread[order[n - 1]])) units.emplace_back();
    units.back().push_back(order[n]);
  }
  return units;
}

/// Those of a unit become their geometric mean.
void unite(const std::vector<std::vector<std::size_t>>& units, std::vector<float>& spread) {
  for (const std::vector<std::size_t>& unit : units) {
    double logarithms = 0;
    for (const std::size_t n : unit) logarithms += std::log(static_cast<double>(spread[n]));
    const auto mean = static_cast<float>(std::exp(logarithms / static_cast<double>(unit.size())));
    for (const std::size_t n : unit) spread[n] = mean;
  }
}

/// Slopes have spreads of their own, and the units of their features.
std::vector<float> spread_of(const FeatureMoments& moments, std::int64_t feature_dim, bool with_slopes) {
  const std::vector<float> ones(static_cast<std::size_t>(feature_dim), 1.0F);
  std::vector<float> spread = deviations_of(moments, 0, feature_dim, ones);
  const std::vector<std::vector<std::size_t>> units = units_of(spread);
  unite(units, spread);
  if (!with_slopes) return spread;
  std::vector<float> of_slopes = deviations_of(moments, feature_dim, feature_dim, spread);
  unite(units, of_slopes);
  spread.insert(spread.end(), of_slopes.begin(), of_slopes.end());
  return spread;
}

/// [n,K,F] from the ragged samples that `dataset` hands out next.
std::vector<float> resize_batch(Dataset& dataset, std::int64_t steps) {
  const io::SampleBatch& batch = dataset.next_batch();
  const std::int64_t feature_dim = dataset.feature_dim();
  std::vector<float> resized(batch.samples.size() * static_cast<std::size_t>(steps * feature_dim)), rows;
  for (std::size_t b = 0; b < batch.samples.size(); ++b) {
    const SampleFeatures features = features_of(dataset, batch, b);
    rows.clear();
    for (std::int64_t j = 0; j < features.length; ++j) {
      for (std::int64_t f = 0; f < feature_dim; ++f) rows.push_back(features.at(j, f));
    }
    kernels::cpu::resize_sample(rows.data(), features.length, feature_dim, steps,
                                resized.data() + static_cast<std::int64_t>(b) * steps * feature_dim);
  }
  return resized;
}

}  // namespace

std::vector<float> barycenter_of(std::span<const float> resized, std::int64_t count, std::int64_t steps,
                                 std::int64_t feature_dim, std::int64_t iterations, std::span<const float> spread) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(count) + 1);
  for (std::size_t n = 0; n < offsets.size(); ++n) offsets[n] = static_cast<std::int64_t>(n) * steps;
  const kernels::SamplesView<float> sequences{resized.data(), offsets.data(), count, feature_dim};

  AlignedBuffer<float> blocks;
  blocks.reserve(kernels::blocked_count(count * steps, feature_dim));
  std::vector<const float*> sample_blocks;
  for (std::int64_t n = 0; n < count; ++n) {
    float* const block = blocks.data() + n * kernels::blocked_count(steps, feature_dim);
    kernels::cpu::to_blocks(sequences.sample(n), steps, feature_dim, block, 1);
    sample_blocks.push_back(block);
  }
  const kernels::BlockedSamples samples{sample_blocks.data(), offsets.data(), count, feature_dim};
  const float* const medoid = sequences.sample(medoid_of(sequences, samples, steps, spread));
  std::vector<float> centroid(medoid, medoid + steps * feature_dim), next(centroid.size());
  const std::vector<float> weights = weights_of(spread, steps, feature_dim);
  std::vector<std::int32_t> breakpoints(static_cast<std::size_t>(count * (steps - 1)));
  std::vector<double> sums(static_cast<std::size_t>(feature_dim));
  AlignedBuffer<float> panels;
  AlignedBuffer<std::byte> workspace;
  panels.reserve(kernels::packed_parameter_count(1, steps, feature_dim));
  for (std::int64_t iteration = 0; iteration < iterations; ++iteration) {
    const kernels::PackedParameters packed =
        kernels::cpu::pack_parameters({centroid.data(), weights.data(), 1, steps, feature_dim}, panels.data(), 1);
    kernels::cpu::search_paths(packed, samples, false, breakpoints.data(), nullptr,
                               workspace.reserve(kernels::cpu::search_paths_workspace_bytes(packed, samples, 1)), 1);
    kernels::cpu::barycenter(sequences, breakpoints.data(), steps, next.data(), sums.data());
    if (next == centroid) break;
    centroid.swap(next);
  }
  return centroid;
}

std::vector<float> initial_centroids(Dataset& dataset, dist::Communicator& communicator, const Config& config,
                                     int threads, std::span<const float> spread) {
  const io::TseStore& store = dataset.store;
  const std::int64_t steps = config.model.steps, feature_dim = dataset.feature_dim(), per_class = steps * feature_dim;
  const auto [my_classes, batches] = drawn_classes(store, communicator, config);

  std::vector<float> centroids;
  Progress progress =
      progress_of_share(communicator, config.run.progress, "centroids", std::ssize(my_classes), "classes");
  agreed(communicator, [&] {
    centroids.resize(static_cast<std::size_t>(store.class_count() * per_class));
    dataset.stream.start(batches);
    const auto together = static_cast<std::size_t>(threads);  // classes read, then computed side by side
    for (std::size_t first = 0; first < my_classes.size(); first += together) {
      throw_if_asked_to_stop();
      const std::size_t last = std::min(first + together, my_classes.size());
      std::vector<std::vector<float>> resized;
      for (std::size_t k = first; k < last; ++k) resized.push_back(resize_batch(dataset, steps));
      kernels::cpu::parallel_for(threads, static_cast<std::int64_t>(last - first), 1, [&](std::int64_t n, int) {
        const std::size_t k = first + static_cast<std::size_t>(n);
        const std::vector<float> centroid =
            barycenter_of(resized[k - first], static_cast<std::int64_t>(batches[k].size()), steps, feature_dim,
                          config.centroids.iterations, spread);
        std::copy(centroid.begin(), centroid.end(), centroids.begin() + my_classes[k] * per_class);
      });
      progress.advance(static_cast<std::int64_t>(last - first));
    }
  });
  progress.finish();
  communicator.all_reduce(std::span(centroids), dist::Reduction::kSum);  // each class has one rank; elsewhere zeros
  return centroids;
}

std::vector<float> measure_spread(Dataset& dataset, dist::Communicator& communicator, const Config& config) {
  const std::int64_t feature_dim = dataset.feature_dim(), per_class = 1 + 2 * feature_dim;
  const auto [my_classes, batches] = drawn_classes(dataset.store, communicator, config);
  std::vector<double> numbers;
  const auto moments = [&](std::int64_t label) {
    double* const first = numbers.data() + label * per_class;
    return FeatureMoments{first, first + 1, first + 1 + feature_dim};
  };
  agreed(communicator, [&] {
    numbers.assign(static_cast<std::size_t>((dataset.store.class_count() + 1) * per_class), 0.0);
    dataset.stream.start(batches);
    for (const std::int64_t label : my_classes) {
      const io::SampleBatch& batch = dataset.next_batch();
      for (std::size_t b = 0; b < batch.samples.size(); ++b) add_steps(features_of(dataset, batch, b), moments(label));
    }
  });
  communicator.all_reduce(std::span(numbers), dist::Reduction::kSum);  // each class has one rank; elsewhere zeros
  const FeatureMoments all = moments(dataset.store.class_count());
  for (std::int64_t label = 0; label < dataset.store.class_count(); ++label) {
    add_moments(moments(label), feature_dim, all);
  }
  return spread_of(all, dataset.store.feature_dim(), dataset.needs.slopes);
}

}  // namespace alignment::dejavid
