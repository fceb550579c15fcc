#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "dist/communicator.hpp"
#include "io/store/tse_store.hpp"
#include "src/config/keys/keys.hpp"
#include "src/dejavid/model/model_file.hpp"
#include "src/training/files/resume.hpp"
#include "src/training/files/run_frame.hpp"

namespace alignment::dejavid {

struct Config;

using Checkpoint = CheckpointOf<ModelContent>;

/// The checkpoint that run.resume asks for, as training/resume.hpp finds it. Throws io::ModelFileError.
[[nodiscard]] std::optional<Checkpoint> find_checkpoint(const Config& config,
                                                        const std::function<void(const std::string&)>& warn);

/// Refuses a checkpoint of other data, another model or another run, with the key and both values; what belongs to the
/// model and was not given, and model.init, are taken over into `config`. Throws io::ModelFileError.
void check_checkpoint(const Checkpoint& checkpoint, Config& config, const GivenKeys& given, const io::TseStore& store);

/// What it says of the best model so far.
[[nodiscard]] BestModel best_of(const Checkpoint& checkpoint);

/// Collective. Refuses ranks that found different checkpoints, as on hosts that do not share run.dir. Throws
/// dist::AgreedFailure.
void require_same_checkpoint(const std::optional<Checkpoint>& checkpoint, const Config& config,
                             dist::Communicator& communicator);

}  // namespace alignment::dejavid
