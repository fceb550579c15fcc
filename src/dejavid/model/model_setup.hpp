#pragma once

#include <optional>

#include "dist/communicator.hpp"
#include "src/config/keys/keys.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/dejavid/model/model_file.hpp"
#include "src/dejavid/model/new_model.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

struct Config;

/// A model as a file holds it, checked against the store: features and class names, which may come in another order.
/// Throws io::ModelFileError.
[[nodiscard]] Model model_from(const ModelContent& content, const std::filesystem::path& file,
                               const io::TseStore& store);

/// Takes over into `config` the settings that belong to a model (KeyOwner::kModel). Throws io::ModelFileError with the
/// key and both values where one of `given` contradicts the model; one that has not been trained yet (epoch -1) can be
/// contradicted in its number of steps only.
void take_model_settings(Config& config, const GivenKeys& given, const ModelContent& content,
                         const std::filesystem::path& file);

/// Collective. What model.init holds, the same on every rank, its settings taken over: some of them say how samples are
/// read, so it comes before the store. Throws dist::AgreedFailure.
[[nodiscard]] ModelContent read_initial_model(Config& config, const GivenKeys& given, dist::Communicator& communicator);

/// Collective. Takes over into `config` what a run's checkpoint says of how samples are read, where it is not among
/// `given`, and what the run's settings of "auto" came to.
void take_sample_settings(Config& config, const GivenKeys& given, const ModelContent& checkpoint,
                          const std::filesystem::path& file, dist::Communicator& communicator);

/// Collective. The model to try on samples of the store. The store's classes become the model's, matched by name.
/// Throws dist::AgreedFailure.
[[nodiscard]] Model load_model(const ModelContent& content, Config& config, const GivenKeys& given, io::TseStore& store,
                               dist::Communicator& communicator);

/// Collective. The model to start training from, its classes in the store's order. Throws dist::AgreedFailure.
[[nodiscard]] Model starting_model(const ModelContent& content, const Config& config, const io::TseStore& store,
                                   dist::Communicator& communicator);

}  // namespace alignment::dejavid
