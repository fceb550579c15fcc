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
#include "src/lrprop/model/model_content.hpp"
#include "src/training/files/resume.hpp"
#include "src/training/files/run_frame.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::lrprop {

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
/// What it says of the best model so far.
[[nodiscard]] BestModel best_of(const Checkpoint& checkpoint);

}  // namespace alignment::lrprop
