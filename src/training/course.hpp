#pragma once

#include <cstdint>
#include <vector>

#include "src/training/scores.hpp"

namespace alignment {

/// Where training stands: what a checkpoint says beside the state of its system.
struct Course {
  std::int64_t epoch = 0;            ///< the epoch under way (or the next one, where step_in_epoch is 0)
  std::int64_t step = 0;             ///< optimizer steps taken since training began
  std::int64_t step_in_epoch = 0;    ///< optimizer steps taken in `epoch`
  std::uint64_t order_seed = 0;      ///< what the epoch order is drawn from
  std::uint64_t store_identity = 0;  ///< TseStore::identity() of the store trained on
  std::int64_t epoch_samples = 0;    ///< samples of `epoch` so far
  std::vector<double> epoch_sums;    ///< over them, of the train scores
  EpochScores last, best;            ///< `best`: epoch -1 where nothing was validated
};

}  // namespace alignment
