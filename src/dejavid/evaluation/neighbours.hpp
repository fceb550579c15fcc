#pragma once

#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "io/store/tse_store.hpp"

namespace alignment::dejavid {

struct Config;

/// Nearest neighbours under dependent DTW (kernels/dependent_dtw.hpp) of features as they are stored.
struct Neighbours {
  std::vector<std::int64_t> nearest;  ///< of each sample asked about, the training sample; of equally near the lowest
  std::int64_t cells = 0;             ///< of DTW tables that were computed, over all ranks
};

/// Collective. The nearest of `training` for each of `samples`, both ascending; a sample is not its own neighbour, so
/// `training` has at least one other. The same on every rank, and on any number of ranks and threads. Samples are
/// shared over ranks; every rank reads its own and all of `training`, and holds some 512 MiB of them at a time. Throws
/// dist::AgreedFailure.
[[nodiscard]] Neighbours find_neighbours(io::TseStore& store, const std::vector<std::int64_t>& samples,
                                         const std::vector<std::int64_t>& training, const Config& config, int threads,
                                         dist::Communicator& communicator);

}  // namespace alignment::dejavid
