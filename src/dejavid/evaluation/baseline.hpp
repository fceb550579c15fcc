#pragma once

#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "src/dejavid/sample_features.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

struct Config;

/// What a model is compared with: a sample's features averaged over time, and nothing else.
struct Baseline {
  enum class Kind : std::uint8_t {
    kNone,        ///< the stores hold no logits, and no training samples
    kLogits,      ///< the largest of the encoder's own logits
    kClassMeans,  ///< the nearest mean of the averaged training samples of a class
  };
  Kind kind = Kind::kNone;
  std::int64_t training_samples = 0;       ///< that the class means are made of
  std::int64_t classes_without_means = 0;  ///< which it never predicts
  std::vector<double> means;               ///< [C,F]
  std::vector<std::int64_t> counts;        ///< [C] training samples of each class

  /// Collective. For these samples of the dataset: logits where the stores of all of them say that they hold any; else
  /// class means, for which the train split is read once. Throws dist::AgreedFailure.
  static Baseline choose(Dataset& dataset, const std::vector<std::int64_t>& samples, const Config& config,
                         dist::Communicator& communicator);

  /// The label it gives to a sample, kNoLabel for a class that is not the model's. Not of Kind::kNone.
  [[nodiscard]] std::int32_t predict(const io::TseStore& store, std::int64_t sample,
                                     const SampleFeatures& features) const;
};

/// The mean over time and over the `sets` of `logits` numbers that a step ends with, then the largest, ties to the
/// first. features [T,F], F >= logits * sets, sets >= 1.
[[nodiscard]] std::int32_t largest_mean_logit(const SampleFeatures& features, std::int32_t logits, std::int64_t sets);

/// The row of means [C,F] nearest to the mean over time of features [T,F], by Euclidean distance; ties to the lower
/// one; rows without samples (counts [C] of 0) are passed over.
[[nodiscard]] std::int32_t nearest_mean(const SampleFeatures& features, const std::vector<double>& means,
                                        const std::vector<std::int64_t>& counts);

}  // namespace alignment::dejavid
