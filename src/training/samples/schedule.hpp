#pragma once

#include <cstdint>
#include <functional>
#include <string>
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

/// Consecutive batches of `order` from batch `first_batch` on. Nothing is padded or repeated: the last may be smaller.
[[nodiscard]] std::vector<std::vector<std::int64_t>> cut_batches(const std::vector<std::int64_t>& order,
                                                                 std::int64_t batch_size, std::int64_t first_batch = 0);

/// How ranks share a global batch. Every rank computes the same from what all of them know.
struct Sharing {
  std::int64_t batch_size = 1;  ///< samples a step, over all ranks
  std::int64_t group = 1;       ///< consecutive samples of a batch that stay together (gradient_group())
  dist::WorldSize size;
};

/// Steps T of a sample, to which its work is proportional.
using LengthOf = std::function<std::int64_t(std::int64_t sample)>;

/// The rank of every piece of work: the largest first, always to the rank with the least so far; of equal ones the
/// first.
[[nodiscard]] std::vector<int> owners_of_work(const std::vector<std::int64_t>& work, dist::WorldSize size);

/// The rank of every group of a batch, by its work.
[[nodiscard]] std::vector<int> owners_of_groups(const std::vector<std::int64_t>& batch, const LengthOf& length,
                                                const Sharing& sharing);

/// This rank's part of every global batch of `order`, from batch `first_batch` on: whole groups, in the batch's order.
/// May be empty.
[[nodiscard]] std::vector<std::vector<std::int64_t>> rank_batches(const std::vector<std::int64_t>& order,
                                                                  const LengthOf& length, const Sharing& sharing,
                                                                  std::int64_t first_batch, dist::Rank rank);

/// Work of the rank that has most of a batch, over the mean of all ranks; the mean of that over the batches of `order`.
/// 1 where none has more than another.
[[nodiscard]] double work_balance(const std::vector<std::int64_t>& order, const LengthOf& length,
                                  const Sharing& sharing);

/// Where a batch leaves ranks without a group, or some with twice what others have: what was found, and which numbers
/// of ranks share it evenly. Empty where all is well.
[[nodiscard]] std::string describe_sharing(const Sharing& sharing, const std::string& units = "samples",
                                           const std::string& step_size_key = "train.batch_size");

/// lr(e) = lr * (1 + cos(pi * e / epochs)) / 2.
[[nodiscard]] double cosine_learning_rate(double lr, std::int64_t epoch, std::int64_t epochs);

}  // namespace alignment
