#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/dejavid/model/model_content.hpp"
#include "src/training/samples/dataset.hpp"

/// Models that no file was read for.
namespace alignment::dejavid {

struct Config;

/// What is told where two classes were to be compared by normalised logits.
[[nodiscard]] std::string two_classes_need_no_norm();

/// Refuses settings that nothing can be learned with from these samples. Throws ConfigError.
void require_trainable(const Config& config, const io::TseStore& store);

/// Collective. What training's steps are measured in: the spread [F] of the features (centroids.hpp), or nothing under
/// the profile of the released code, whose steps are absolute: then features far from a spread of 1 get a warning.
[[nodiscard]] std::vector<float> training_spread(Dataset& dataset, dist::Communicator& communicator,
                                                 const Config& config);

/// Collective. Centroids by DTW barycenter averaging, weights by model.weight_init over training_spread().
[[nodiscard]] Model barycenter_model(Dataset& dataset, dist::Communicator& communicator, const Config& config,
                                     int threads);

/// What a model file holds of a model trained under `config`: no epoch yet, no training state.
[[nodiscard]] ModelContent content_of(const Model& model, const Config& config);

/// The model in `content`, its classes as they stand there; no spread.
[[nodiscard]] Model model_of(const ModelContent& content);

/// The configuration that a model was trained with; the defaults where its file does not say. Throws
/// io::ModelFileError.
[[nodiscard]] Config config_of(const ModelContent& content, const std::filesystem::path& file);

}  // namespace alignment::dejavid
