#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "src/config/config.hpp"
#include "src/dejavid/dataset.hpp"

namespace dejavid {

/// One class's centroid by DTW barycenter averaging. resized [n,K,F]: its samples, each resized to K steps. Start: the
/// medoid (smallest sum of unweighted distances to all, ties to the lowest index); then up to `iterations` rounds of
/// alignment (unit weights, L1, no diagonal) and averaging, fewer only at an exact fixpoint. Returns [K,F].
[[nodiscard]] std::vector<float> barycenter_of(std::span<const float> resized, std::int64_t count, std::int64_t steps,
                                               std::int64_t feature_dim, std::int64_t iterations);

/// Collective. Centroids [C,K,F] of all classes, each from up to samples_per_class training samples drawn by (seed,
/// class); classes are spread over ranks and threads, and the result is the same for any number of either.
[[nodiscard]] std::vector<float> initial_centroids(Dataset& dataset, dist::Communicator& communicator,
                                                   const Config& config, int threads);

}  // namespace dejavid
