#include "src/training/samples/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "src/training/samples/random.hpp"

namespace alignment {
namespace {

std::int64_t uneven_length(std::int64_t sample) {
  return 1 + sample * sample % 17;
}

TEST(Shares, CoverEverythingOnceInWholeGroups) {
  for (const std::int64_t count : {0, 1, 4, 5, 31, 32, 384}) {
    for (const std::int64_t group : {1, 2, 4}) {
      for (const int size : {1, 2, 3, 8, 40}) {
        std::int64_t covered = 0, smallest = count + 1, largest = 0;
        for (int rank = 0; rank < size; ++rank) {
          const Share share = share_of(count, group, dist::Rank{rank}, dist::WorldSize{size});
          EXPECT_EQ(share.first, covered);
          EXPECT_TRUE(share.first % group == 0 || share.first == count);
          covered = share.last;
          smallest = std::min(smallest, share.last - share.first);
          largest = std::max(largest, share.last - share.first);
        }
        EXPECT_EQ(covered, count);
        EXPECT_LE(largest - smallest, 2 * group - 1)
            << count << " by " << size;  // whole groups, the last one may be short
      }
    }
  }
}

TEST(EpochOrder, IsAPermutationOfSeedAndEpoch) {
  std::vector<std::int64_t> samples(100);
  std::iota(samples.begin(), samples.end(), 7);
  const auto order = epoch_order(samples, true, 3, 5);
  EXPECT_EQ(std::set<std::int64_t>(order.begin(), order.end()).size(), 100U);
  EXPECT_TRUE(std::is_permutation(order.begin(), order.end(), samples.begin()));
  EXPECT_NE(order, samples);
  EXPECT_EQ(order, epoch_order(samples, true, 3, 5));
  EXPECT_NE(order, epoch_order(samples, true, 3, 6));
  EXPECT_NE(order, epoch_order(samples, true, 4, 5));
  EXPECT_EQ(epoch_order(samples, false, 3, 5), samples);
}

TEST(EpochOrder, PlacesEverySampleEverywhereEquallyOften) {
  constexpr std::int64_t kSamples = 5, kEpochs = 20000;
  const std::vector<std::int64_t> samples{0, 1, 2, 3, 4};
  std::vector<std::int64_t> counts(kSamples * kSamples);
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto order = epoch_order(samples, true, 11, epoch);
    for (std::size_t k = 0; k < order.size(); ++k) ++counts[k * kSamples + static_cast<std::size_t>(order[k])];
  }
  for (const std::int64_t count : counts)
    EXPECT_NEAR(static_cast<double>(count), kEpochs / 5.0, 6 * 57);  // 6 deviations
}

TEST(RankBatches, TogetherMakeTheGlobalBatches) {
  std::vector<std::int64_t> order(50);
  std::iota(order.begin(), order.end(), 0);
  for (const int size : {1, 2, 3, 8}) {
    for (const std::int64_t first : {0, 2}) {
      std::vector<std::vector<std::int64_t>> together(4 - static_cast<std::size_t>(first));
      for (int rank = 0; rank < size; ++rank) {
        const auto batches =
            rank_batches(order, uneven_length, {16, 3, dist::WorldSize{size}}, first, dist::Rank{rank});
        ASSERT_EQ(batches.size(), together.size());
        for (std::size_t k = 0; k < batches.size(); ++k) {
          EXPECT_TRUE(std::is_sorted(batches[k].begin(), batches[k].end()));
          // Cut into groups again, as an engine does, they are groups of the batch: a short one comes last.
          for (std::size_t n = 0; n < batches[k].size(); n += 3) {
            const std::int64_t in_batch = batches[k][n] - (first + static_cast<std::int64_t>(k)) * 16;
            EXPECT_EQ(in_batch % 3, 0);
            for (std::size_t m = n; m < std::min(n + 3, batches[k].size()); ++m) {
              EXPECT_EQ(batches[k][m] - batches[k][n], static_cast<std::int64_t>(m - n));
            }
          }
          together[k].insert(together[k].end(), batches[k].begin(), batches[k].end());
        }
      }
      for (std::vector<std::int64_t>& batch : together) std::sort(batch.begin(), batch.end());
      EXPECT_EQ(together, cut_batches(order, 16, first));
      EXPECT_EQ(together.front().front(), first * 16);
      EXPECT_EQ(together.back(), (std::vector<std::int64_t>{48, 49}));  // the last batch is smaller, and not padded
    }
  }
}

TEST(RankBatches, OneRankTakesBatchesAsTheyAre) {
  std::vector<std::int64_t> order(50);
  std::iota(order.rbegin(), order.rend(), 0);
  EXPECT_EQ(rank_batches(order, uneven_length, {16, 4, dist::WorldSize{1}}, 1, dist::Rank{0}),
            cut_batches(order, 16, 1));
}

TEST(Balance, TheLongestGroupGoesToTheLeastLoadedRank) {
  const std::vector<std::int64_t> lengths{5, 4, 3, 3, 3};
  const std::vector<std::int64_t> batch{0, 1, 2, 3, 4};
  const LengthOf length = [&](std::int64_t sample) { return lengths[static_cast<std::size_t>(sample)]; };
  EXPECT_EQ(owners_of_groups(batch, length, {5, 1, dist::WorldSize{2}}), (std::vector<int>{0, 1, 1, 0, 1}));
  EXPECT_DOUBLE_EQ(work_balance(batch, length, {5, 1, dist::WorldSize{2}}), 10 / 9.0);
  EXPECT_EQ(owners_of_groups(batch, length, {5, 2, dist::WorldSize{2}}), (std::vector<int>{0, 1, 1}));
  EXPECT_DOUBLE_EQ(work_balance(batch, length, {5, 1, dist::WorldSize{10}}), 5 / 1.8);
  EXPECT_DOUBLE_EQ(work_balance({}, length, {5, 1, dist::WorldSize{2}}), 1);
}

TEST(Balance, LengthsLikeSsv2OnManyRanks) {
  // Lognormal of mean 40 and sigma 0.4: 1 % are below 15, 1 % above 94.
  Random random{7};
  std::vector<std::int64_t> order(20 * 384), lengths;
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t n = 0; n < order.size(); ++n) {
    lengths.push_back(std::lround(40 * std::exp(0.4 * random.normal() - 0.4 * 0.4 / 2)));
  }
  const LengthOf length = [&](std::int64_t sample) { return lengths[static_cast<std::size_t>(sample)]; };
  EXPECT_LE(work_balance(order, length, {384, 1, dist::WorldSize{64}}), 1.05);
  EXPECT_LE(work_balance(order, length, {384, 1, dist::WorldSize{8}}), 1.002);
  EXPECT_LE(work_balance(order, length, {384, 16, dist::WorldSize{8}}), 1.03);
  EXPECT_DOUBLE_EQ(work_balance(order, length, {384, 16, dist::WorldSize{1}}), 1);
}

TEST(Balance, IsSaidWhereRanksWait) {
  const auto said = [](std::int64_t batch, std::int64_t group, int ranks) {
    return describe_sharing({batch, group, dist::WorldSize{ranks}});
  };
  for (const int ranks : {1, 2, 3, 4, 6, 8, 12, 24}) EXPECT_EQ(said(384, 16, ranks), "") << ranks;
  for (const int ranks : {1, 8, 64, 384}) EXPECT_EQ(said(384, 1, ranks), "") << ranks;
  EXPECT_NE(said(384, 16, 32).find("8 of 32 ranks with nothing to do"), std::string::npos) << said(384, 16, 32);
  EXPECT_NE(said(384, 16, 32).find("at most 24 ranks"), std::string::npos) << said(384, 16, 32);
  EXPECT_NE(said(384, 1, 512).find("128 of 512 ranks"), std::string::npos) << said(384, 1, 512);
  EXPECT_NE(said(384, 16, 16).find("busy 75 % of a step at most; 12 or 24 ranks"), std::string::npos)
      << said(384, 16, 16);
}

TEST(LearningRate, FollowsTheCosinePerEpoch) {
  EXPECT_DOUBLE_EQ(cosine_learning_rate(0.5, 0, 36), 0.5);
  EXPECT_DOUBLE_EQ(cosine_learning_rate(0.5, 18, 36), 0.25);
  EXPECT_NEAR(cosine_learning_rate(1, 35, 36), 0.0019, 0.0001);  // the last epoch runs at 0.19 % of lr
}

TEST(Random, IsTheSameEverywhere) {
  Random random{1, 2};
  Random again{1, 2}, other{2, 1};
  const std::uint64_t first = random.next();
  EXPECT_EQ(first, again.next());
  EXPECT_NE(first, other.next());
}

TEST(Random, NormalNumbersHaveMeanZeroAndVarianceOne) {
  Random random{5};
  double sum = 0, squares = 0;
  constexpr int kCount = 100000;
  for (int k = 0; k < kCount; ++k) {
    const double value = random.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kCount, 0, 6 / std::sqrt(kCount));
  EXPECT_NEAR(squares / kCount, 1, 6 * std::sqrt(2.0 / kCount));
}

}  // namespace
}  // namespace alignment
