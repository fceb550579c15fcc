#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "io/store/tse_store.hpp"
#include "src/config/keys/keys.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/model/model_file.hpp"
#include "src/training/files/resume.hpp"
#include "src/training/samples/dataset.hpp"

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
[[nodiscard]] FeatureScale measure_features(Dataset& dataset, dist::Communicator& communicator, const Config& config);

/// Collective. A model that starts training: model.init's, or drawn. Settings of the model that were not given come
/// from the file.
[[nodiscard]] ModelContent starting_model(Config& config, const GivenKeys& given, Dataset& dataset,
                                          dist::Communicator& communicator);
/// Collective. The same of a model that is only applied; a file made elsewhere may leave it to data.standardize.
[[nodiscard]] ModelContent load_model(Config& config, const GivenKeys& given, Dataset& dataset,
                                      dist::Communicator& communicator);

using Checkpoint = CheckpointOf<ModelContent>;
[[nodiscard]] std::optional<Checkpoint> find_checkpoint(const Config& config,
                                                        const std::function<void(const std::string&)>& warn);
/// Refuses to go on with other data or settings. Throws io::ModelFileError.
void check_checkpoint(const Checkpoint& checkpoint, Config& config, const GivenKeys& given, const io::TseStore& store);
/// Of rank 0, for a run that goes on in a new folder: brings metrics and the best model there.
void bring_history(const Checkpoint& checkpoint, const std::filesystem::path& folder);

}  // namespace alignment::lrprop
