#include "src/training/samples/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <queue>
#include <utility>

#include "src/training/samples/random.hpp"

namespace alignment {
namespace {

/// Sum of T of every group of a batch.
std::vector<std::int64_t> work_of_groups(const std::vector<std::int64_t>& batch, const LengthOf& length,
                                         std::int64_t group) {
  std::vector<std::int64_t> work((batch.size() + static_cast<std::size_t>(group) - 1) /
                                 static_cast<std::size_t>(group));
  for (std::size_t n = 0; n < batch.size(); ++n) work[n / static_cast<std::size_t>(group)] += length(batch[n]);
  return work;
}

}  // namespace

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

std::vector<std::vector<std::int64_t>> cut_batches(const std::vector<std::int64_t>& order, std::int64_t batch_size,
                                                   std::int64_t first_batch) {
  std::vector<std::vector<std::int64_t>> batches;
  const auto total = static_cast<std::int64_t>(order.size());
  for (std::int64_t begin = first_batch * batch_size; begin < total; begin += batch_size) {
    batches.emplace_back(order.begin() + begin, order.begin() + std::min(begin + batch_size, total));
  }
  return batches;
}

std::vector<int> owners_of_work(const std::vector<std::int64_t>& work, dist::WorldSize size) {
  std::vector<std::size_t> largest_first(work.size());
  std::iota(largest_first.begin(), largest_first.end(), std::size_t{0});
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [&](std::size_t one, std::size_t other) { return work[one] > work[other]; });
  using Load = std::pair<std::int64_t, int>;  // work, rank: of equal loads the lowest rank comes first
  std::priority_queue<Load, std::vector<Load>, std::greater<>> least;
  for (int rank = 0; rank < size.value; ++rank) least.emplace(0, rank);
  std::vector<int> owners(work.size());
  for (const std::size_t piece : largest_first) {
    const auto [load, rank] = least.top();
    least.pop();
    owners[piece] = rank;
    least.emplace(load + work[piece], rank);
  }
  return owners;
}

std::vector<int> owners_of_groups(const std::vector<std::int64_t>& batch, const LengthOf& length,
                                  const Sharing& sharing) {
  return owners_of_work(work_of_groups(batch, length, sharing.group), sharing.size);
}

std::vector<std::vector<std::int64_t>> rank_batches(const std::vector<std::int64_t>& order, const LengthOf& length,
                                                    const Sharing& sharing, std::int64_t first_batch, dist::Rank rank) {
  std::vector<std::vector<std::int64_t>> batches = cut_batches(order, sharing.batch_size, first_batch);
  for (std::vector<std::int64_t>& batch : batches) {
    const std::vector<int> owners = owners_of_groups(batch, length, sharing);
    std::vector<std::int64_t> mine;
    // A short group is the batch's last, and so the last of whoever takes it: what is cut into groups again comes out
    // the same.
    for (std::size_t n = 0; n < batch.size(); ++n) {
      if (owners[n / static_cast<std::size_t>(sharing.group)] == rank.value) mine.push_back(batch[n]);
    }
    batch = std::move(mine);
  }
  return batches;
}

double work_balance(const std::vector<std::int64_t>& order, const LengthOf& length, const Sharing& sharing) {
  const std::vector<std::vector<std::int64_t>> batches = cut_batches(order, sharing.batch_size);
  double sum = 0;
  for (const std::vector<std::int64_t>& batch : batches) {
    const std::vector<std::int64_t> work = work_of_groups(batch, length, sharing.group);
    const std::vector<int> owners = owners_of_groups(batch, length, sharing);
    std::vector<std::int64_t> loads(static_cast<std::size_t>(sharing.size.value), 0);
    for (std::size_t group = 0; group < work.size(); ++group)
      loads[static_cast<std::size_t>(owners[group])] += work[group];
    const double mean =
        static_cast<double>(std::accumulate(work.begin(), work.end(), std::int64_t{0})) / sharing.size.value;
    sum += static_cast<double>(*std::max_element(loads.begin(), loads.end())) / mean;
  }
  return batches.empty() ? 1 : sum / static_cast<double>(batches.size());
}

std::string describe_sharing(const Sharing& sharing, const std::string& units, const std::string& step_size_key) {
  const std::int64_t groups = (sharing.batch_size + sharing.group - 1) / sharing.group, ranks = sharing.size.value;
  const std::int64_t most = (groups + ranks - 1) / ranks;
  const double busy = static_cast<double>(groups) / static_cast<double>(most * ranks);
  constexpr double kEvenEnough = 0.8;
  if (busy >= kEvenEnough) return "";
  const std::string batch = sharing.group == 1
                                ? fmt::format("a batch of {} {}", sharing.batch_size, units)
                                : fmt::format("a batch of {} {}, of which {} stay together,", sharing.batch_size, units,
                                              std::min(sharing.group, sharing.batch_size));
  if (groups < ranks) {
    return fmt::format(
        "work: {} leaves {} of {} ranks with nothing to do in a step; expected at most {} ranks; use fewer, or a "
        "larger {}",
        batch, ranks - groups, ranks, groups, step_size_key);
  }
  std::int64_t fewer = ranks, more = ranks;  // the next counts that leave no rank waiting
  while (groups % fewer != 0) --fewer;
  while (groups % more != 0) ++more;
  return fmt::format(
      "work: {} gives some of {} ranks {} parts of {} and others fewer: ranks are busy {:.0f} % of a step "
      "at most; {} or {} ranks share it evenly",
      batch, ranks, most, groups, 100 * busy, fewer, more);
}

double cosine_learning_rate(double lr, std::int64_t epoch, std::int64_t epochs) {
  return lr * (1 + std::cos(std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(epochs))) / 2;
}

}  // namespace alignment
