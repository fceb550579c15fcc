#pragma once

#include <cstdint>
#include <vector>

#include "io/store/tse_store.hpp"

/// What settings come to for the samples at hand.
namespace alignment::dejavid {

struct Config;

/// K: model.steps, or where it is "auto" the median length of the training samples (of two in the middle the shorter),
/// at least 8 and at most 64.
[[nodiscard]] std::int64_t steps_of(const Config& config, const io::TseStore& store);

/// Optimizer steps of an epoch, the last of which may take fewer samples; at least 1.
[[nodiscard]] std::int64_t steps_of_epoch(const Config& config, const io::TseStore& store);

/// Epochs: train.epochs, or where it is "auto" as many as it takes to make 300 steps of train.batch_size, at least 12
/// and at most 60: small sets need more passes than large ones, which learn them by heart.
[[nodiscard]] std::int64_t epochs_of(const Config& config, const io::TseStore& store);

/// Puts what these two come to in the place of "auto", and logs it.
void settle_auto(Config& config, const io::TseStore& store);

/// F of the models: the store's features, with their slopes where data.slope says so.
[[nodiscard]] std::int64_t feature_dim_of(const Config& config, const io::TseStore& store);

/// Training samples to hold out.
struct HeldOut {
  std::vector<std::int64_t> drawn;
  std::int64_t samples = 0;  ///< that are not left out
  std::uint64_t digest = 0;  ///< of the ids of all; 0 where there are none
};

/// data.holdout of every class's training samples, drawn by train.seed, the class's name and
/// the order of ids: the nearest whole number of them, but never a class's last. Samples that are left out are drawn
/// like the others, so that they change nothing for these. Where the stores have a val split of their own, nothing.
[[nodiscard]] HeldOut drawn_to_hold_out(const io::TseStore& store, const Config& config);

/// Turns those into the val split.
HeldOut hold_out(io::TseStore& store, const Config& config);

}  // namespace alignment::dejavid
