#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/lrprop/model/encoder_sizes.hpp"
#include "src/training/course.hpp"

namespace alignment::lrprop {

/// What a checkpoint holds beside the model.
struct TrainingState {
  Course course;
  std::int64_t pairs_per_step = 0;                 ///< which its steps are counted in
  std::vector<float> first_moment, second_moment;  ///< of the trained weights, in the order of weight_arrays()
  /// TseStore::phase_identity() of the store that scores are of, and PairCurriculum::plan_identity(), none of pairs
  /// that are drawn; files of earlier versions have neither.
  std::optional<std::uint64_t> phase_identity = {}, plan_identity = {};
};

/// What a model file holds: format "lrprop-model", version 1; /weights/NAME in the shapes of torch's modules.
struct ModelContent {
  EncoderSizes sizes;
  double dropout = kNotSaid;      ///< in training
  std::vector<float> weights;     ///< in the order of weight_arrays()
  std::vector<float> statistics;  ///< in the order of statistic_arrays()
  /// What features are standardised by, [F] each; empty where they are taken as they are.
  std::vector<float> feature_mean, feature_scale;
  std::string encoder;      ///< what made the features learned from (io/store/encoder_names.hpp); empty: not said
  std::int64_t epoch = -1;  ///< the last one trained
  std::string config;       ///< TOML; empty where another program made the file
  std::optional<TrainingState> training;

  static constexpr double kNotSaid = -1;
};

/// Of all that it holds.
[[nodiscard]] std::uint64_t digest_of(const ModelContent& content);

/// What is wrong with sizes that no encoder can have: ":attribute heads: found 3; expected ..."; empty: nothing.
[[nodiscard]] std::string wrong_sizes(const EncoderSizes& sizes);

/// Refuses content that no model file may hold: other counts than its sizes ask for, numbers that are not finite, and
/// such as features and channels cannot be divided by. `file` is for messages. Throws io::ModelFileError,
/// io::NotFiniteError.
void check(const std::filesystem::path& file, const ModelContent& content);

}  // namespace alignment::lrprop
