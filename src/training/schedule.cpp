#include "src/training/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/training/random.hpp"

namespace alignment {

std::int64_t gradient_group(std::int64_t batch_size) {
  return std::clamp(batch_size / 24, std::int64_t{1}, std::int64_t{16});
}

Share share_of(std::int64_t count, std::int64_t group, dist::Rank rank, dist::WorldSize size) {
  const std::int64_t groups = (count + group - 1) / group;
  const auto boundary = [&](std::int64_t part) { return std::min(count, groups * part / size.value * group); };
  return {boundary(rank.value), boundary(rank.value + 1)};
}

std::vector<std::int64_t> epoch_order(const std::vector<std::int64_t>& samples, bool shuffle, std::uint64_t seed,
                                      std::int64_t epoch) {
  if (!shuffle) return samples;
  const auto total = static_cast<std::int64_t>(samples.size());
  std::vector<std::int64_t> order = Random{seed, static_cast<std::uint64_t>(epoch)}.draw(total, total);
  for (std::int64_t& position : order) position = samples[static_cast<std::size_t>(position)];
  return order;
}

std::vector<std::vector<std::int64_t>> rank_batches(const std::vector<std::int64_t>& order, std::int64_t batch_size,
                                                    std::int64_t group, std::int64_t first_batch, dist::Rank rank,
                                                    dist::WorldSize size) {
  std::vector<std::vector<std::int64_t>> batches;
  const auto total = static_cast<std::int64_t>(order.size());
  for (std::int64_t begin = first_batch * batch_size; begin < total; begin += batch_size) {
    const Share share = share_of(std::min(batch_size, total - begin), group, rank, size);
    batches.emplace_back(order.begin() + begin + share.first, order.begin() + begin + share.last);
  }
  return batches;
}

double cosine_learning_rate(double lr, std::int64_t epoch, std::int64_t epochs) {
  return lr * (1 + std::cos(std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(epochs))) / 2;
}

}  // namespace alignment
