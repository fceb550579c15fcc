#pragma once

#include <optional>

#include "dist/communicator.hpp"
#include "io/model_file.hpp"
#include "src/config/config.hpp"
#include "src/dejavid/dataset.hpp"
#include "src/dejavid/model.hpp"

namespace dejavid {

/// A model as a file holds it, checked against the store: classes, features and class names. Throws io::ModelFileError.
[[nodiscard]] Model model_from(const io::ModelContent& content, const std::filesystem::path& file,
                               const io::TseStore& store);

/// What a model file holds of a model trained under `config`: no epoch yet, no training state.
[[nodiscard]] io::ModelContent content_of(const Model& model, const Config& config);

/// Collective. Reads model.init on every rank. Throws dist::AgreedFailure.
[[nodiscard]] Model load_model(const Config& config, const io::TseStore& store, dist::Communicator& communicator);

/// Collective. The model that model.init names to start from, or nothing where it names none. Its number of steps
/// becomes model.steps; model.diagonal is the configuration's, since paths are searched anew. Throws
/// dist::AgreedFailure.
[[nodiscard]] std::optional<Model> starting_model(Config& config, const io::TseStore& store,
                                                  dist::Communicator& communicator);

/// Collective. What training's steps are measured in: the spread [F] of the features (centroids.hpp), or nothing under
/// the profile of the released code, whose steps are absolute: then features far from a spread of 1 get a warning.
[[nodiscard]] std::vector<float> training_spread(Dataset& dataset, dist::Communicator& communicator,
                                                 const Config& config);

/// Collective. Centroids by DTW barycenter averaging, weights by model.weight_init over training_spread().
[[nodiscard]] Model barycenter_model(Dataset& dataset, dist::Communicator& communicator, const Config& config,
                                     int threads);

}  // namespace dejavid
