#pragma once

#include <cstdint>
#include <vector>

#include "dist/topology.hpp"

namespace alignment {

/// Consecutive samples of a global batch that always stay on one rank, so that their gradients are added in the same
/// order on any number of ranks: 1 for small batches, up to 16 where the batch leaves every rank plenty.
[[nodiscard]] std::int64_t gradient_group(std::int64_t batch_size);

/// The part [first, last) of `count` things that a rank takes: whole groups of `group`, as evenly as they go.
struct Share {
  std::int64_t first = 0, last = 0;
};
[[nodiscard]] Share share_of(std::int64_t count, std::int64_t group, dist::Rank rank, dist::WorldSize size);

/// One epoch's training samples: a permutation drawn from (seed, epoch), or `samples` as they stand where not shuffled.
[[nodiscard]] std::vector<std::int64_t> epoch_order(const std::vector<std::int64_t>& samples, bool shuffle,
                                                    std::uint64_t seed, std::int64_t epoch);

/// This rank's part of every global batch of `order`, from batch `first_batch` on. Nothing is padded or repeated: the
/// last batch may be smaller, and a rank's part may be empty.
[[nodiscard]] std::vector<std::vector<std::int64_t>> rank_batches(const std::vector<std::int64_t>& order,
                                                                  std::int64_t batch_size, std::int64_t group,
                                                                  std::int64_t first_batch, dist::Rank rank,
                                                                  dist::WorldSize size);

/// lr(e) = lr * (1 + cos(pi * e / epochs)) / 2.
[[nodiscard]] double cosine_learning_rate(double lr, std::int64_t epoch, std::int64_t epochs);

}  // namespace alignment
