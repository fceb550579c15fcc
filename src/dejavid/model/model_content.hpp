#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace alignment::dejavid {

/// Where training stood: what a checkpoint holds beside the model.
struct TrainingState {
  static constexpr double kNotSaid = std::numeric_limits<double>::quiet_NaN();

  std::int64_t epoch = 0;            ///< the epoch under way (or the next one, where step_in_epoch is 0)
  std::int64_t step = 0;             ///< optimizer steps taken since training began
  std::int64_t step_in_epoch = 0;    ///< optimizer steps taken in `epoch`
  std::uint64_t order_seed = 0;      ///< what the epoch order is drawn from
  std::uint64_t store_identity = 0;  ///< TseStore::identity() of the store trained on
  std::int64_t best_epoch = -1;
  double best_val_top1 = 0;
  double best_val_loss = 0;
  double best_val_top5 = 0;
  /// What else is told of the last epoch and of the best; NaN in checkpoints of earlier versions, which do not say.
  double last_train_loss = kNotSaid, last_train_top1 = kNotSaid, last_val_loss = kNotSaid;
  double best_train_loss = kNotSaid, best_train_top1 = kNotSaid;
  double epoch_loss_sum = 0;  ///< running sums of the epoch under way
  std::int64_t epoch_correct = 0;
  std::int64_t epoch_samples = 0;
  /// AdamW's moments, [C,K,F] each; empty for a parameter that is not learned.
  std::vector<float> centroid_first_moment, centroid_second_moment, log_weight_first_moment, log_weight_second_moment;
  /// The epoch's frozen copies [C,K,F], where the checkpoint lies within an epoch; else empty.
  std::vector<float> frozen_centroids, frozen_log_weights;
  /// [F] positive: what steps are measured in; empty where they are not (profile dejavid-code).
  std::vector<float> spread;
};

/// Everything a model file or checkpoint holds (format "dejavid-model", version 1).
struct ModelContent {
  std::int64_t classes = 0, steps = 0, feature_dim = 0;  ///< C, K, F
  std::vector<float> centroids;                          ///< [C,K,F]
  std::vector<float> log_weights;                        ///< [C,K,F]
  std::vector<std::string> class_names;                  ///< [C]
  bool diagonal = false;
  bool slope = false;      ///< the last half of the features are slopes of the others (kernels/slope.hpp)
  std::int64_t epoch = 0;  ///< the epoch after which it was saved; -1 before the first
  double val_top1 = 0, val_top5 = 0;
  /// What those are of, and what a best epoch was chosen by: "val", "test", "holdout" (of the training samples);
  /// "none"; empty where the file does not say.
  std::string validated_on;
  std::string encoder;         ///< what made the features learned from (io/store/encoder_names.hpp); empty: not said
  std::uint64_t held_out = 0;  ///< digest of the ids of the samples that training held out; 0: none
  std::string config;          ///< the run's TOML
  std::optional<TrainingState> training;
};

/// XXH64 of everything in `content`.
[[nodiscard]] std::uint64_t digest_of(const ModelContent& content);

/// The two digests that a model file stores: of the configuration and the arrays, and of all the rest.
[[nodiscard]] std::uint64_t digest_of_arrays(const ModelContent& content);
[[nodiscard]] std::uint64_t digest_of_header(const ModelContent& content);

/// Refuses content that no model file may hold: shapes that do not fit, numbers that are not finite. `file` is for
/// messages. Throws io::ModelFileError; io::NotFiniteError.
void check(const std::filesystem::path& file, const ModelContent& content);

}  // namespace alignment::dejavid
