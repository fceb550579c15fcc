#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/lrprop/config/config.hpp"
#include "src/lrprop/model/model_content.hpp"

// Private to this folder: what a model file and a checkpoint hold by name.
namespace alignment::lrprop {

struct NamedExtent {
  const char* name;
  std::int64_t EncoderSizes::*value;
  std::int64_t least, most = ModelConfig::kMostExtent;
};
inline constexpr std::array<NamedExtent, 8> kExtents{{
    {"feature_dim", &EncoderSizes::feature_dim, 1},
    {"fc_width", &EncoderSizes::fc_width, 1},
    {"hidden", &EncoderSizes::hidden, 2},
    {"heads", &EncoderSizes::heads, 1},
    {"ff_width", &EncoderSizes::ff_width, 1},
    {"layers", &EncoderSizes::layers, 0, ModelConfig::kMostLayers},
    {"embedding", &EncoderSizes::embedding, 1},
    {"train_frames", &EncoderSizes::train_frames, 2},
}};

struct NamedCount {
  const char* name;
  std::int64_t Course::*value;
};
inline constexpr std::array<NamedCount, 4> kCounts{{
    {"epoch", &Course::epoch},
    {"step", &Course::step},
    {"step_in_epoch", &Course::step_in_epoch},
    {"epoch_pairs", &Course::epoch_samples},
}};

struct NamedSeed {
  const char* name;
  std::uint64_t Course::*value;
};
inline constexpr std::array<NamedSeed, 2> kSeeds{
    {{"order_seed", &Course::order_seed}, {"store_identity", &Course::store_identity}}};

/// That a file may lack.
struct NamedIdentity {
  const char* name;
  std::optional<std::uint64_t> TrainingState::*value;
};
inline constexpr std::array<NamedIdentity, 2> kIdentities{
    {{"phase_identity", &TrainingState::phase_identity}, {"plan_identity", &TrainingState::plan_identity}}};

struct NamedEpoch {
  const char* name;
  EpochScores Course::*value;
};
inline constexpr std::array<NamedEpoch, 2> kEpochs{{{"last", &Course::last}, {"best", &Course::best}}};

/// Calls `visit(array, first)` for arrays that lie one after the other.
template <typename Visit>
void for_arrays(const std::vector<ArrayShape>& arrays, const Visit& visit) {
  std::int64_t first = 0;
  for (const ArrayShape& array : arrays) {
    visit(array, static_cast<std::size_t>(first));
    first += array.count();
  }
}

}  // namespace alignment::lrprop
