#include "src/training/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "src/training/random.hpp"

namespace alignment {
namespace {

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
        const auto batches = rank_batches(order, 16, 2, first, dist::Rank{rank}, dist::WorldSize{size});
        ASSERT_EQ(batches.size(), together.size());
        for (std::size_t k = 0; k < batches.size(); ++k) {
          together[k].insert(together[k].end(), batches[k].begin(), batches[k].end());
        }
      }
      EXPECT_EQ(together.front().front(), first * 16);
      EXPECT_EQ(together.back(), (std::vector<std::int64_t>{48, 49}));  // the last batch is smaller, and not padded
    }
  }
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
