#include "src/dejavid/evaluation/baseline.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

#include "src/dejavid/config/config.hpp"
#include "src/job/agreed.hpp"
#include "src/job/share_progress.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment::dejavid {
namespace {

double mean_over_time(const SampleFeatures& features, std::int64_t feature) {
  double sum = 0;
  for (std::int64_t j = 0; j < features.length; ++j) sum += static_cast<double>(features.at(j, feature));
  return sum / static_cast<double>(features.length);
}

/// This rank's share of the training samples: all of some classes, so that a class is added up in one order whatever
/// the number of ranks.
std::vector<std::int64_t> samples_of_own_classes(const io::TseStore& store, const std::vector<std::int64_t>& training,
                                                 const dist::Communicator& communicator) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(store.class_count()));
  for (const std::int64_t sample : training) ++sizes[static_cast<std::size_t>(store.label(sample))];
  const std::vector<int> rank_of_class = owners_of_work(sizes, communicator.size());
  std::vector<std::int64_t> own;
  std::copy_if(training.begin(), training.end(), std::back_inserter(own), [&](std::int64_t sample) {
    return rank_of_class[static_cast<std::size_t>(store.label(sample))] == communicator.rank().value;
  });
  return own;
}

/// Adds up the training samples of every class, each averaged over time: this rank's share of them.
void add_training_samples(Dataset& dataset, const std::vector<std::int64_t>& training, const Config& config,
                          dist::Communicator& communicator, Baseline& baseline) {
  const io::TseStore& store = dataset.store;
  const std::vector<std::int64_t> own = samples_of_own_classes(store, training, communicator);
  Progress progress = progress_of_share(communicator, config.run.progress, "class means",
                                        static_cast<std::int64_t>(own.size()), "samples");
  const std::int64_t feature_dim = store.feature_dim();
  agreed(communicator, [&] {
    for (const std::int64_t sample : own) {
      const std::int64_t label = store.label(sample);
      const std::vector<float> rows = dataset.read_sample(sample);
      const SampleFeatures features{rows.data(), store.length(sample), feature_dim, false};
      for (std::int64_t f = 0; f < feature_dim; ++f) {
        baseline.means[static_cast<std::size_t>(label * feature_dim + f)] += mean_over_time(features, f);
      }
      ++baseline.counts[static_cast<std::size_t>(label)];
      progress.advance(1);
    }
  });
  progress.finish();
}

}  // namespace

std::int32_t largest_mean_logit(const SampleFeatures& features, std::int32_t logits, std::int64_t sets) {
  std::int32_t best = 0;
  double best_mean = -HUGE_VAL;
  for (std::int32_t c = 0; c < logits; ++c) {
    double sum = 0;
    for (std::int64_t set = 0; set < sets; ++set) {
      sum += mean_over_time(features, features.feature_dim - (sets - set) * logits + c);
    }
    const double mean = sum / static_cast<double>(sets);
    if (mean > best_mean) {
      best_mean = mean;
      best = c;
    }
  }
  return best;
}

std::int32_t nearest_mean(const SampleFeatures& features, const std::vector<double>& means,
                          const std::vector<std::int64_t>& counts) {
  const auto feature_dim = static_cast<std::size_t>(features.feature_dim);
  std::vector<double> averaged(feature_dim);
  for (std::size_t f = 0; f < feature_dim; ++f) averaged[f] = mean_over_time(features, static_cast<std::int64_t>(f));
  std::int32_t best = io::kNoLabel;
  double smallest = HUGE_VAL;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    if (counts[c] == 0) continue;
    double squares = 0;
    for (std::size_t f = 0; f < feature_dim; ++f) {
      const double difference = averaged[f] - means[c * feature_dim + f];
      squares += difference * difference;
    }
    if (squares < smallest) {
      smallest = squares;
      best = static_cast<std::int32_t>(c);
    }
  }
  return best;
}

Baseline Baseline::choose(Dataset& dataset, const std::vector<std::int64_t>& samples, const Config& config,
                          dist::Communicator& communicator) {
  const io::TseStore& store = dataset.store;
  Baseline baseline;
  if (std::none_of(samples.begin(), samples.end(),
                   [&](std::int64_t sample) { return store.logit_labels(sample).empty(); })) {
    baseline.kind = Kind::kLogits;
    return baseline;
  }
  std::vector<std::int64_t> training = store.samples_of(io::Split::kTrain);
  std::erase_if(training, [&](std::int64_t sample) { return store.label(sample) == io::kNoLabel; });
  if (training.empty()) return baseline;

  baseline.kind = Kind::kClassMeans;
  baseline.training_samples = static_cast<std::int64_t>(training.size());
  const auto classes = static_cast<std::size_t>(store.class_count());
  const auto feature_dim = static_cast<std::size_t>(store.feature_dim());
  baseline.means.resize(classes * feature_dim);
  baseline.counts.resize(classes);
  add_training_samples(dataset, training, config, communicator, baseline);
  communicator.all_reduce(std::span(baseline.means), dist::Reduction::kSum);
  communicator.all_reduce(std::span(baseline.counts), dist::Reduction::kSum);
  for (std::size_t c = 0; c < classes; ++c) {
    if (baseline.counts[c] == 0) ++baseline.classes_without_means;
    const auto count = static_cast<double>(std::max(baseline.counts[c], std::int64_t{1}));
    for (std::size_t f = 0; f < feature_dim; ++f) baseline.means[c * feature_dim + f] /= count;
  }
  return baseline;
}

std::int32_t Baseline::predict(const io::TseStore& store, std::int64_t sample, const SampleFeatures& features) const {
  if (kind == Kind::kClassMeans) return nearest_mean(features, means, counts);
  const std::vector<std::int32_t>& labels = store.logit_labels(sample);
  return labels[static_cast<std::size_t>(
      largest_mean_logit(features, static_cast<std::int32_t>(labels.size()), store.logit_sets(sample)))];
}

}  // namespace alignment::dejavid
