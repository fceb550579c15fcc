#include "src/dejavid/cuda/plan.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

#include "tests/io/io_fixtures.hpp"

namespace alignment {
namespace {

using io::testing::SmallStore;

using Batches = std::vector<std::vector<std::int64_t>>;

/// Seven samples of 3, 1, 5, 2, 4, 7, 2 steps, F = 6.
class Plan : public ::testing::Test {
 protected:
  Plan() {
    SmallStore().write(folder_ / "set.h5");
    store_ = std::make_unique<io::TseStore>(std::vector<std::filesystem::path>{folder_ / "set.h5"});
    limits_.group_samples_bytes = 1 << 30;
    limits_.path_bytes = 8;
    limits_.fits = [](const kernels::cuda::Samples&) { return true; };
  }

  [[nodiscard]] CudaPlan plan(const Batches& batches, const std::vector<std::int64_t>& kept_rows = {},
                              const std::vector<bool>& present = {}) const {
    return make_plan(*store_, batches, kept_rows, present, limits_);
  }

  /// What must hold of any plan: batches and pieces cover the samples in order, offsets are sums of lengths.
  void check(const CudaPlan& plan, const Batches& batches) const {
    std::int64_t next = 0;
    ASSERT_EQ(plan.batch_count(), static_cast<std::int64_t>(batches.size()));
    for (std::size_t b = 0; b < batches.size(); ++b) {
      EXPECT_EQ(plan.batches[b].first, next);
      EXPECT_EQ(plan.batches[b].count, static_cast<std::int64_t>(batches[b].size()));
      check(plan, plan.batches[b]);
      next += plan.batches[b].count;
    }
    next = 0;
    for (std::int64_t group = 0; group < plan.group_count(); ++group) {
      for (const SampleRun& piece : plan.pieces[static_cast<std::size_t>(group)]) {
        EXPECT_EQ(piece.first, next);
        EXPECT_GT(piece.count, 0);
        check(plan, piece);
        next += piece.count;
      }
      EXPECT_EQ(next, plan.first_sample(group + 1));
    }
  }

  void check(const CudaPlan& plan, const SampleRun& run) const {
    std::int64_t steps = 0, longest = 0;
    for (std::int64_t n = 0; n < run.count; ++n) {
      EXPECT_EQ(plan.offsets[static_cast<std::size_t>(run.offsets_at + n)], steps);
      const std::int64_t length = store_->length(plan.samples[static_cast<std::size_t>(run.first + n)]);
      steps += length;
      longest = std::max(longest, length);
    }
    EXPECT_EQ(plan.offsets[static_cast<std::size_t>(run.offsets_at + run.count)], steps);
    EXPECT_EQ(run.total_steps, steps);
    EXPECT_EQ(run.longest, longest);
  }

  TemporaryFolder folder_;
  std::unique_ptr<io::TseStore> store_;
  PlanLimits limits_;
};

TEST_F(Plan, GroupsOfEightBatchesAreSearchedAtOnceWhereThatFits) {
  Batches batches;
  for (std::int64_t b = 0; b < 19; ++b) batches.push_back({b % 7, (b + 3) % 7});
  const CudaPlan plan = this->plan(batches);
  check(plan, batches);
  EXPECT_EQ(plan.group_size, kMostBatchesInGroup);
  EXPECT_EQ(plan.group_count(), 3);
  for (const auto& pieces : plan.pieces) EXPECT_EQ(pieces.size(), 1U);
  EXPECT_EQ(plan.last_batch(2), 19);
}

TEST_F(Plan, AGroupKeepsToItsBytesButHasAtLeastOneBatch) {
  const Batches batches{{0, 1}, {2, 3}, {4}, {5}, {6}, {0}};
  // Uploaded bytes of the batches: 4, 7, 4, 7, 2, 3 rows of 24 bytes, and 8 for each sample.
  limits_.group_samples_bytes = (4 + 7) * 24 + 4 * 8;
  EXPECT_EQ(plan(batches).group_size, 2);
  --limits_.group_samples_bytes;
  EXPECT_EQ(plan(batches).group_size, 1);
  limits_.feature_bytes = 2;
  limits_.group_samples_bytes = (4 + 7) * 12 + 4 * 8;
  EXPECT_EQ(plan(batches).group_size, 2);
  --limits_.group_samples_bytes;
  EXPECT_EQ(plan(batches).group_size, 1);
  limits_.group_samples_bytes = 0;
  EXPECT_EQ(plan(batches).group_size, 1);
  check(plan(batches), batches);
}

TEST_F(Plan, PiecesKeepToTheSearchesMemoryButHaveAtLeastOneSample) {
  const Batches batches{{0, 1, 2}, {3, 4}, {5, 6}};
  limits_.fits = [](const kernels::cuda::Samples& extents) { return extents.total_steps <= 6; };
  const CudaPlan plan = this->plan(batches);
  check(plan, batches);
  std::vector<std::int64_t> counts;
  for (const SampleRun& piece : plan.pieces.at(0)) counts.push_back(piece.count);
  EXPECT_EQ(counts, (std::vector<std::int64_t>{2, 1, 2, 1, 1}));  // steps 3+1, 5, 2+4, 7, 2
}

TEST_F(Plan, PiecesCanBeKeptWithinBatches) {
  const Batches batches{{0, 1, 2}, {3, 4}};
  limits_.pieces_within_batches = true;
  const CudaPlan plan = this->plan(batches);
  check(plan, batches);
  ASSERT_EQ(plan.pieces.at(0).size(), 2U);
  EXPECT_EQ(plan.pieces[0][0].count, 3);
}

TEST_F(Plan, WhatIsNotKeptLiesInOneOfTwoPlacesInTurn) {
  const Batches batches{{2}, {5, 0}, {6, 1}};
  limits_.group_samples_bytes = 0;  // a batch a group
  const CudaPlan plan = this->plan(batches);
  EXPECT_EQ(largest_group_rows(plan), 10);  // 7 + 3 steps
  EXPECT_EQ(plan.rows, (std::vector<std::int64_t>{0, 10, 17, 0, 2}));
  EXPECT_EQ(plan.missing, batches);
}

TEST_F(Plan, WhatIsKeptIsReadOnce) {
  const std::vector<std::int64_t> kept_rows{0, 3, 4, -1, 9, 13, -1};
  const std::vector<bool> present{true, false, false, false, true, false, false};
  const CudaPlan plan = this->plan({{5, 0}, {4, 2}}, kept_rows, present);
  EXPECT_EQ(plan.rows, (std::vector<std::int64_t>{13, 0, 9, 4}));
  EXPECT_EQ(plan.missing, (Batches{{5}, {2}}));
  EXPECT_EQ(plan.labels, (std::vector<std::int32_t>{2, 0, 1, 2}));
  EXPECT_THROW(static_cast<void>(this->plan({{3}}, kept_rows, present)), std::logic_error);
}

TEST_F(Plan, NoBatchesAndEmptyOnes) {
  EXPECT_EQ(plan({}).group_count(), 0);
  const Batches batches{{}, {3}, {}};
  const CudaPlan plan = this->plan(batches);
  check(plan, batches);
  EXPECT_EQ(plan.batches[0].total_steps, 0);
}

}  // namespace
}  // namespace alignment
