#pragma once

#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/model/model_content.hpp"
#include "src/training/samples/dataset.hpp"

/// Models that no file was read for.
namespace alignment::lrprop {

/// The sizes that a configuration asks for.
[[nodiscard]] EncoderSizes sizes_of(const Config& config, std::int64_t feature_dim);

/// First weights, drawn from the seed: of blocks' matrices uniform to +-sqrt(6 / (in + out)), of other layers and of
/// biases to +-1 / sqrt(in), norms 1 and 0, the output's bias 0.
[[nodiscard]] std::vector<float> initial_weights(const EncoderSizes& sizes, LayerInit layers, std::uint64_t seed);
/// Running means 0 and variances 1.
[[nodiscard]] std::vector<float> initial_statistics(const EncoderSizes& sizes);

/// Collective. Mean and standard deviation of each feature over the frames of the train split, [F] each, the same for
/// any number of ranks; the deviation of a feature that does not vary is 1.
struct FeatureScale {
  std::vector<float> mean, deviation;
};
[[nodiscard]] FeatureScale measure_features(Dataset& dataset, dist::Communicator& communicator);

/// Collective. Measures what features are standardised by, where they are and the model does not say it.
void settle_features(ModelContent& content, Dataset& dataset, const Config& config, dist::Communicator& communicator);

/// Collective. A model whose weights are drawn.
[[nodiscard]] ModelContent new_model(Dataset& dataset, dist::Communicator& communicator, const Config& config);

}  // namespace alignment::lrprop
