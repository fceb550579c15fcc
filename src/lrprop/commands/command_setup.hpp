#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/cuda/device.hpp"
#include "src/training/samples/dataset.hpp"

/// What several subcommands begin with.
namespace alignment::lrprop {

/// Collective. The GPU that dist.device asks for, or nothing where the CPU computes; says which. Throws
/// dist::AgreedFailure.
[[nodiscard]] std::unique_ptr<CudaDevice> choose_device(const Config& config, dist::Communicator& communicator);

/// Collective. data.store, the same on every rank with its phases and times, whose rows are handed out in f32. What is
/// trained on needs the same actions in all its stores; what a model is applied to may have some in one store, others
/// in another, and none in a store of new videos.
[[nodiscard]] Dataset open_dataset(const Config& config, dist::Communicator& communicator, io::ClassMatching matching);

/// What a result must not be written over: the stores and the model.
[[nodiscard]] std::vector<std::filesystem::path> inputs_of(const Config& config);

}  // namespace alignment::lrprop
