#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dist/communicator.hpp"
#include "src/config/config.hpp"
#include "src/dejavid/aligner.hpp"
#include "src/dejavid/dataset.hpp"

namespace dejavid {

/// What an evaluation found, the same on every rank. Every sample counts once, whatever the number of ranks.
struct Evaluation {
  std::int64_t samples = 0;
  double loss = 0, top1 = 0, top5 = 0;       ///< mean over samples; fractions
  std::vector<std::int64_t> confusion;       ///< [C,C] counts, row = label, column = prediction
  std::optional<double> supersampling_top1;  ///< the averaging baseline, where asked for
};

/// One line of a prediction file.
struct Prediction {
  std::int64_t sample = 0;
  std::int32_t prediction = 0;
  double confidence = 0;              ///< softmax probability of the prediction
  std::vector<std::int32_t> closest;  ///< up to five classes, closest first
};

/// Temporal supersampling: the mean over time, then the largest of the last C features (the encoder's own logits), ties
/// to the lowest class. features [T,F], F >= C.
[[nodiscard]] std::int32_t supersampling_prediction(const SampleFeatures& features, std::int32_t classes);

/// Collective. Distances of the aligner's live parameters on paths from `source`, for these samples of the dataset.
/// `with_supersampling`: also the averaging baseline, which needs an aligner that keeps no features in GPU memory.
[[nodiscard]] Evaluation evaluate(Dataset& dataset, const std::vector<std::int64_t>& samples, Aligner& aligner,
                                  PathSource source, const Config& config, dist::Communicator& communicator,
                                  bool with_supersampling = false);

/// Collective. On rank 0 a prediction for every sample, in order; elsewhere empty.
[[nodiscard]] std::vector<Prediction> predict(Dataset& dataset, const std::vector<std::int64_t>& samples,
                                              Aligner& aligner, const Config& config, dist::Communicator& communicator);

}  // namespace dejavid
