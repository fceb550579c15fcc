#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "src/dejavid/aligner.hpp"
#include "src/dejavid/evaluation/baseline.hpp"
#include "src/dejavid/evaluation/path_statistics.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

struct Config;

/// A sample, its class, and of the other classes the nearest.
struct HardSample {
  std::int64_t sample = 0;
  std::int32_t rival = 0;                       ///< what it is taken for, where that is not its class
  double own_distance = 0, rival_distance = 0;  ///< to its class, and to the rival

  /// Of the two distances: above 1 where it is taken for the rival; 1 where both are 0.
  [[nodiscard]] double ratio() const { return own_distance == rival_distance ? 1 : own_distance / rival_distance; }
};

/// What an evaluation found, the same on every rank. Every sample counts once, whatever the number of ranks.
struct Evaluation {
  std::int64_t samples = 0;
  double loss = 0, top1 = 0, top5 = 0;  ///< mean over samples; fractions
  std::vector<std::int64_t> confusion;  ///< [C,C] counts, row = label, column = prediction
  std::optional<double> baseline_top1;  ///< where one was given
  std::optional<PathSums> right_paths;  ///< where paths were asked for: of the samples that were predicted rightly
  std::vector<HardSample> hardest;      ///< those with the largest ratios, the largest first; on rank 0 only
};

/// Whether the top-5 of so many classes says anything: of five or fewer it is always 1.
[[nodiscard]] constexpr bool tells_top5(std::size_t classes) {
  return classes > 5;
}

/// What an evaluation finds out beside the losses.
struct EvaluationExtras {
  Baseline baseline;        ///< of Kind::kNone: left out; else it needs an aligner that keeps no features in GPU memory
  bool paths = false;       ///< how they run
  std::size_t hardest = 0;  ///< how many samples to find
};

/// One line of a prediction file.
struct Prediction {
  std::int64_t sample = 0;
  std::int32_t prediction = 0;
  double confidence = 0;              ///< softmax probability of the prediction
  std::vector<std::int32_t> closest;  ///< up to five classes, closest first
};

/// Refuses distances that are not finite or so large that an f32 path search may have met infinity on the way. Throws
/// io::NotFiniteError.
void require_comparable(std::span<const double> distances, std::int64_t sample, const io::TseStore& store);

/// Collective. Distances of the aligner's live parameters on paths from `source`, for these samples of the dataset, all
/// of which have a label.
[[nodiscard]] Evaluation evaluate(Dataset& dataset, const std::vector<std::int64_t>& samples, Aligner& aligner,
                                  PathSource source, const Config& config, dist::Communicator& communicator,
                                  const EvaluationExtras& extras = {});

/// Collective. On rank 0 a prediction for every sample, in order; elsewhere empty.
[[nodiscard]] std::vector<Prediction> predict(Dataset& dataset, const std::vector<std::int64_t>& samples,
                                              Aligner& aligner, const Config& config, dist::Communicator& communicator);

}  // namespace alignment::dejavid
