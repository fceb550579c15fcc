#pragma once

#include <optional>

#include "dist/communicator.hpp"
#include "src/config/keys.hpp"
#include "src/dejavid/model.hpp"
#include "src/dejavid/model_file.hpp"
#include "src/training/dataset.hpp"

namespace alignment {

struct Config;

/// What is told where two classes were to be compared by normalised logits.
[[nodiscard]] std::string two_classes_need_no_norm();

/// A model as a file holds it, checked against the store: features and class names, which may come in another order.
/// Throws io::ModelFileError.
[[nodiscard]] Model model_from(const ModelContent& content, const std::filesystem::path& file,
                               const io::TseStore& store);

/// The configuration that a model was trained with; the defaults where its file does not say. Throws
/// io::ModelFileError.
[[nodiscard]] Config config_of(const ModelContent& content, const std::filesystem::path& file);

/// Takes over into `config` the settings that belong to a model (KeyOwner::kModel). Throws io::ModelFileError with the
/// key and both values where one of `given` contradicts the model; one that has not been trained yet (epoch -1) can be
/// contradicted in its number of steps only.
void take_model_settings(Config& config, const GivenKeys& given, const ModelContent& content,
                         const std::filesystem::path& file);

/// What a model file holds of a model trained under `config`: no epoch yet, no training state.
[[nodiscard]] ModelContent content_of(const Model& model, const Config& config);

/// Collective. Reads model.init on every rank and takes over its settings. The store's classes become the model's,
/// matched by name. Throws dist::AgreedFailure.
[[nodiscard]] Model load_model(Config& config, const GivenKeys& given, io::TseStore& store,
                               dist::Communicator& communicator);

/// Collective. The model that model.init names to start from, its classes in the store's order, or nothing where it
/// names none. Takes over its settings. Throws dist::AgreedFailure.
[[nodiscard]] std::optional<Model> starting_model(Config& config, const GivenKeys& given, const io::TseStore& store,
                                                  dist::Communicator& communicator);

/// Collective. What training's steps are measured in: the spread [F] of the features (centroids.hpp), or nothing under
/// the profile of the released code, whose steps are absolute: then features far from a spread of 1 get a warning.
[[nodiscard]] std::vector<float> training_spread(Dataset& dataset, dist::Communicator& communicator,
                                                 const Config& config);

/// Collective. Centroids by DTW barycenter averaging, weights by model.weight_init over training_spread().
[[nodiscard]] Model barycenter_model(Dataset& dataset, dist::Communicator& communicator, const Config& config,
                                     int threads);

}  // namespace alignment
