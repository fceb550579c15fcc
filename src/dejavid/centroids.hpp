#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "src/training/dataset.hpp"

namespace alignment {

struct Config;

/// One class's centroid by DTW barycenter averaging. resized [n,K,F]: its samples, each resized to K steps. Start: the
/// medoid (smallest sum of unweighted distances to all, ties to the lowest index); then up to `iterations` rounds of
/// alignment (L1, no diagonal) and averaging, fewer only at an exact fixpoint. All of it weighs feature f by 1 /
/// spread[f]; an empty spread [F] is 1. Returns [K,F].
[[nodiscard]] std::vector<float> barycenter_of(std::span<const float> resized, std::int64_t count, std::int64_t steps,
                                               std::int64_t feature_dim, std::int64_t iterations,
                                               std::span<const float> spread = {});

/// Collective. Centroids [C,K,F] of all classes, each from up to samples_per_class training samples drawn by (seed,
/// class), features weighed by `spread` as above; classes are spread over ranks and threads, and the result is the same
/// for any number of either.
[[nodiscard]] std::vector<float> initial_centroids(Dataset& dataset, dist::Communicator& communicator,
                                                   const Config& config, int threads, std::span<const float> spread);

/// Collective. Every feature's unit [F]: its standard deviation over the time steps of the samples that
/// initial_centroids() draws, or rather the geometric mean of those that are of one unit: each less than 30 times the
/// next smaller. The same for any number of ranks. All are positive: a feature that does not vary counts as the
/// geometric mean of the others', or 1 where none does.
[[nodiscard]] std::vector<float> measure_spread(Dataset& dataset, dist::Communicator& communicator,
                                                const Config& config);

}  // namespace alignment
