#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "src/dejavid/model/model_content.hpp"

/// Private to model files: the names that TrainingState's members have in them, in their order.
namespace alignment::dejavid {

struct NamedArray {
  const char* name;
  std::vector<float> TrainingState::*values;
};
inline constexpr std::array<NamedArray, 6> kTrainingArrays{{
    {"centroid_first_moment", &TrainingState::centroid_first_moment},
    {"centroid_second_moment", &TrainingState::centroid_second_moment},
    {"log_weight_first_moment", &TrainingState::log_weight_first_moment},
    {"log_weight_second_moment", &TrainingState::log_weight_second_moment},
    {"frozen_centroids", &TrainingState::frozen_centroids},
    {"frozen_log_weights", &TrainingState::frozen_log_weights},
}};

struct NamedCount {
  const char* name;
  std::int64_t TrainingState::*value;
};
inline constexpr std::array<NamedCount, 6> kTrainingCounts{{
    {"epoch", &TrainingState::epoch},
    {"step", &TrainingState::step},
    {"step_in_epoch", &TrainingState::step_in_epoch},
    {"best_epoch", &TrainingState::best_epoch},
    {"epoch_correct", &TrainingState::epoch_correct},
    {"epoch_samples", &TrainingState::epoch_samples},
}};

struct NamedReal {
  const char* name;
  double TrainingState::*value;
};
inline constexpr std::array<NamedReal, 4> kTrainingReals{{
    {"best_val_top1", &TrainingState::best_val_top1},
    {"best_val_loss", &TrainingState::best_val_loss},
    {"best_val_top5", &TrainingState::best_val_top5},
    {"epoch_loss_sum", &TrainingState::epoch_loss_sum},
}};

/// Left out where they are NaN.
inline constexpr std::array<NamedReal, 5> kMilestoneReals{{
    {"last_train_loss", &TrainingState::last_train_loss},
    {"last_train_top1", &TrainingState::last_train_top1},
    {"last_val_loss", &TrainingState::last_val_loss},
    {"best_train_loss", &TrainingState::best_train_loss},
    {"best_train_top1", &TrainingState::best_train_top1},
}};

struct NamedSeed {
  const char* name;
  std::uint64_t TrainingState::*value;
};
inline constexpr std::array<NamedSeed, 2> kTrainingSeeds{{
    {"order_seed", &TrainingState::order_seed},
    {"store_identity", &TrainingState::store_identity},
}};

inline constexpr const char* kSpread = "spread";

}  // namespace alignment::dejavid
