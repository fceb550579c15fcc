#include "src/dejavid/evaluation/evaluator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "io/errors.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/evaluation/objective.hpp"
#include "src/job/agreed.hpp"
#include "src/job/fault_point.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment::dejavid {
namespace {

/// One sample of an evaluation.
struct AlignedSample {
  std::int64_t sample = 0;  ///< index into the store
  std::int32_t label = 0;
  std::span<const double> distances;    ///< [C]
  SampleFeatures features;              ///< without data where they are kept in GPU memory
  std::span<const std::int32_t> paths;  ///< [C,K-1], or empty
};

/// Runs this rank's share of `samples` through `visit(AlignedSample)`, in order.
template <typename Visit>
void for_each_sample(const io::TseStore& store, const std::vector<std::int64_t>& samples, Aligner& aligner,
                     PathSource source, AlignerOutput wanted, const Config& config, dist::Communicator& communicator,
                     Visit&& visit) {
  const Share share = share_of(static_cast<std::int64_t>(samples.size()), 1, communicator.rank(), communicator.size());
  const std::vector<std::int64_t> mine(samples.begin() + share.first, samples.begin() + share.last);
  const std::int64_t per_batch = std::max(std::int64_t{1}, config.train.batch_size / communicator.size().value);
  auto batches = cut_batches(mine, per_batch);
  const std::size_t batch_count = batches.size();
  const auto classes = static_cast<std::size_t>(store.class_count());
  aligner.start(std::move(batches), source, wanted);
  for (std::size_t k = 0; k < batch_count; ++k) {
    const AlignedBatch batch = aligner.next();
    const std::size_t paths = batch.samples.empty() ? 0 : batch.paths.size() / batch.samples.size();
    for (std::size_t b = 0; b < batch.samples.size(); ++b) {
      const std::int64_t sample = batch.samples[b];
      const std::span<const double> distances = batch.distances.subspan(b * classes, classes);
      require_comparable(distances, sample, store);
      visit(AlignedSample{sample, store.label(sample), distances,
                          batch.features.empty() ? SampleFeatures{} : batch.features[b],
                          batch.paths.subspan(b * paths, paths)});
    }
  }
}

/// The largest ratios first; of equal ones the first sample.
bool is_harder(const HardSample& one, const HardSample& other) {
  return one.ratio() > other.ratio() || (one.ratio() == other.ratio() && one.sample < other.sample);
}

HardSample nearest_rival(const AlignedSample& one) {
  const std::int32_t rival = nearest_other(one.distances, one.label);
  return {one.sample, rival, one.distances[static_cast<std::size_t>(one.label)],
          one.distances[static_cast<std::size_t>(rival)]};
}

void keep_hardest(std::vector<HardSample>& samples, std::size_t most) {
  std::sort(samples.begin(), samples.end(), is_harder);
  if (samples.size() > most) samples.resize(most);
}

/// Collective. Of every rank's hardest the hardest, on rank 0.
std::vector<HardSample> hardest_of_all(const std::vector<HardSample>& mine, std::size_t most,
                                       dist::Communicator& communicator) {
  std::vector<std::int64_t> my_numbers;
  std::vector<double> my_distances;
  for (const HardSample& one : mine) {
    my_numbers.insert(my_numbers.end(), {one.sample, one.rival});
    my_distances.insert(my_distances.end(), {one.own_distance, one.rival_distance});
  }
  const std::vector<std::int64_t> numbers = communicator.gather<std::int64_t>(my_numbers);
  const std::vector<double> distances = communicator.gather<double>(my_distances);
  std::vector<HardSample> samples;
  for (std::size_t n = 0; n < numbers.size(); n += 2) {  // empty but on rank 0
    samples.push_back({numbers[n], static_cast<std::int32_t>(numbers[n + 1]), distances[n], distances[n + 1]});
  }
  keep_hardest(samples, most);
  return samples;
}

}  // namespace

void require_comparable(std::span<const double> distances, std::int64_t sample, const io::TseStore& store) {
  constexpr double kLargest = 1e37;
  for (std::size_t c = 0; c < distances.size(); ++c) {
    if (!(distances[c] <= kLargest)) {
      throw io::NotFiniteError(fmt::format(
          "{}: found a distance of {} to class {}; expected at most {:g}; check the weights of the model, and whether "
          "its features are scaled as these are",
          store.describe(sample), distances[c], c, kLargest));
    }
  }
}

Evaluation evaluate(Dataset& dataset, const std::vector<std::int64_t>& samples, Aligner& aligner, PathSource source,
                    const Config& config, dist::Communicator& communicator, const EvaluationExtras& extras) {
  const auto width = static_cast<std::size_t>(dataset.store.class_count());
  const bool with_baseline = extras.baseline.kind != Baseline::Kind::kNone;
  std::vector<double> losses, largest_shares;  // of this rank's samples; of those it predicts rightly
  std::int64_t in_top5 = 0, averaged_correct = 0;
  std::vector<std::int64_t> counts(width * width);
  std::vector<double> probabilities(width);
  std::vector<HardSample> hardest;
  const bool with_hardest = extras.hardest > 0 && width > 1;
  const AlignerOutput wanted = extras.paths ? AlignerOutput::kDistancesAndPaths : AlignerOutput::kDistances;
  agreed(communicator, [&] {
    fault_point(FaultPoint::kEvaluate, 0);
    for_each_sample(
        dataset.store, samples, aligner, source, wanted, config, communicator, [&](const AlignedSample& one) {
          const Outcome outcome = evaluate_sample(one.distances, one.label, config.train.label_rule(), probabilities);
          losses.push_back(outcome.loss);
          in_top5 += outcome.in_top5 ? 1 : 0;
          ++counts[static_cast<std::size_t>(one.label) * width + static_cast<std::size_t>(outcome.prediction)];
          if (with_baseline)
            averaged_correct += extras.baseline.predict(dataset.store, one.sample, one.features) == one.label ? 1 : 0;
          if (extras.paths && outcome.prediction == one.label) {
            const std::size_t steps_between = one.paths.size() / width;  // K-1
            largest_shares.push_back(largest_share_on_one_step(
                one.paths.subspan(static_cast<std::size_t>(one.label) * steps_between, steps_between),
                dataset.store.length(one.sample)));
          }
          if (with_hardest) hardest.push_back(nearest_rival(one));
        });
    keep_hardest(hardest, extras.hardest);
  });

  counts.push_back(in_top5);
  counts.push_back(averaged_correct);
  communicator.all_reduce(std::span(counts), dist::Reduction::kSum);
  // Rank 0 adds in the order of the samples, so that no sum depends on how many ranks there are.
  double loss_sum = 0;
  PathSums right_paths;
  for (const double loss : communicator.gather<double>(losses)) loss_sum += loss;
  for (const double share : communicator.gather<double>(largest_shares)) right_paths.add(share);
  std::array<double, 4> sums{loss_sum, right_paths.samples, right_paths.halves, right_paths.largest_shares};
  communicator.all_reduce(std::span<double>(sums), dist::Reduction::kSum);
  loss_sum = sums[0];
  averaged_correct = counts.back();
  counts.pop_back();
  in_top5 = counts.back();
  counts.pop_back();

  Evaluation evaluation;
  if (with_hardest) evaluation.hardest = hardest_of_all(hardest, extras.hardest, communicator);
  evaluation.samples = static_cast<std::int64_t>(samples.size());
  if (evaluation.samples > 0) {
    const auto total = static_cast<double>(evaluation.samples);
    std::int64_t correct = 0;
    for (std::size_t c = 0; c < width; ++c) correct += counts[c * width + c];
    evaluation.loss = loss_sum / total;
    evaluation.top1 = static_cast<double>(correct) / total;
    evaluation.top5 = static_cast<double>(in_top5) / total;
    if (extras.paths) evaluation.right_paths = PathSums{sums[1], sums[2], sums[3]};
    if (with_baseline) evaluation.baseline_top1 = static_cast<double>(averaged_correct) / total;
  }
  evaluation.confusion = std::move(counts);
  return evaluation;
}

std::vector<Prediction> predict(Dataset& dataset, const std::vector<std::int64_t>& samples, Aligner& aligner,
                                const Config& config, dist::Communicator& communicator) {
  const auto width = static_cast<std::size_t>(dataset.store.class_count());
  const std::size_t closest = std::min(width, std::size_t{5});
  std::vector<std::int32_t> my_classes;  // [samples of this rank, closest]
  std::vector<double> my_confidences, probabilities(width);
  agreed(communicator, [&] {
    for_each_sample(dataset.store, samples, aligner, PathSource::kLive, AlignerOutput::kDistances, config, communicator,
                    [&](const AlignedSample& one) {
                      class_probabilities(one.distances, config.train.label_rule(), probabilities);
                      my_classes.resize(my_classes.size() + closest);
                      const std::span<std::int32_t> nearest = std::span(my_classes).last(closest);
                      smallest_distances(one.distances, nearest);
                      my_confidences.push_back(probabilities[static_cast<std::size_t>(nearest.front())]);
                    });
  });

  const std::vector<std::int32_t> all_classes = communicator.gather<std::int32_t>(my_classes);
  const std::vector<double> confidences = communicator.gather<double>(my_confidences);
  std::vector<Prediction> predictions;
  for (std::size_t n = 0; n < confidences.size(); ++n) {  // empty but on rank 0
    const auto first = all_classes.begin() + static_cast<std::ptrdiff_t>(n * closest);
    predictions.push_back({samples[n], *first, confidences[n], {first, first + static_cast<std::ptrdiff_t>(closest)}});
  }
  return predictions;
}

}  // namespace alignment::dejavid
