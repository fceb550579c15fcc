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

/// Collective. Reads model.init on every rank. Throws dist::AgreedFailure.
[[nodiscard]] Model load_model(const Config& config, const io::TseStore& store, dist::Communicator& communicator);

/// Collective. What training starts from: model.init, or centroids by DTW barycenter averaging with weights by
/// model.weight_init.
[[nodiscard]] Model initial_model(Dataset& dataset, dist::Communicator& communicator, const Config& config,
                                  int threads);

}  // namespace dejavid
