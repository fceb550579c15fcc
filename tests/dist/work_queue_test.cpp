#include "dist/work_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <span>
#include <thread>
#include <vector>

#include "dist/communicator.hpp"

namespace alignment::dist {
namespace {

constexpr std::chrono::seconds kTimeout{60};

class WorkQueueTest : public testing::Test {
 protected:
  std::unique_ptr<Communicator> communicator_ = make_mpi_communicator(kTimeout);

  /// Of every rank, on every rank.
  std::vector<std::int64_t> all_items(const std::vector<std::int64_t>& mine) {
    std::vector<std::int64_t> all = communicator_->gather(std::span<const std::int64_t>(mine));
    std::vector<std::int64_t> count{std::ssize(all)};
    communicator_->broadcast(std::span<std::int64_t>(count), Rank{0});
    all.resize(static_cast<std::size_t>(count[0]));
    communicator_->broadcast(std::span<std::int64_t>(all), Rank{0});
    return all;
  }

  /// Takes items, `at_a_time` of them, until there are none; `work` is called with each.
  template <typename Work>
  std::vector<std::int64_t> work_off(WorkQueue& queue, std::int64_t at_a_time, Work&& work) {
    std::vector<std::int64_t> mine;
    while (!queue.all_left()) {
      while (!queue.is_closed() && queue.asked() < at_a_time) queue.ask();
      while (const auto item = queue.take()) {
        mine.push_back(*item);
        work(*item);
        queue.report({1, 0, *item, 0});
      }
      if (queue.is_closed()) queue.leave();
      queue.poll();
    }
    return mine;
  }
};

TEST_F(WorkQueueTest, HandsOutEveryItemOnceAndCountsWhatIsDone) {
  for (const std::int64_t limit : {0, 1, 2, 7, 1000}) {
    for (const std::int64_t at_a_time : {1, 3}) {
      std::vector<std::int64_t> mine;
      WorkCounts done{};
      {
        const auto queue = make_work_queue(*communicator_, limit, kTimeout);
        mine = work_off(*queue, at_a_time, [](std::int64_t) {});
        done = queue->done();
      }
      EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
      if (communicator_->is_root()) {
        EXPECT_EQ(done, (WorkCounts{limit, 0, limit * (limit - 1) / 2, 0}));
      } else {
        EXPECT_EQ(done[0], std::ssize(mine));
      }
      std::vector<std::int64_t> all = all_items(mine), expected(static_cast<std::size_t>(limit));
      std::sort(all.begin(), all.end());
      std::iota(expected.begin(), expected.end(), 0);
      ASSERT_EQ(all, expected) << limit;
    }
  }
}

TEST_F(WorkQueueTest, GivesMoreToThoseWhoAreQuick) {
  // Rank 0 keeps its first item until all others are done.
  std::vector<std::int64_t> mine;
  {
    const auto queue = make_work_queue(*communicator_, 100, kTimeout);
    const bool slow = communicator_->is_root() && communicator_->size().value > 1;
    mine = work_off(*queue, 1, [&](std::int64_t) {
      while (slow && queue->done()[0] < 99) {
        queue->poll();
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
    if (slow) {
      EXPECT_EQ(mine.size(), 1U);
    }
  }
  EXPECT_EQ(all_items(mine).size(), 100U);
}

TEST_F(WorkQueueTest, IsClosedForAllByAny) {
  const int last = communicator_->size().value - 1;
  std::vector<std::int64_t> mine;
  {
    const auto queue = make_work_queue(*communicator_, 1'000'000'000, kTimeout);
    mine = work_off(*queue, 2, [&](std::int64_t) {
      if (communicator_->rank().value == last) queue->close();
    });
  }
  std::vector<std::int64_t> all = all_items(mine);
  std::sort(all.begin(), all.end());
  EXPECT_FALSE(all.empty());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

TEST_F(WorkQueueTest, BusyRanksAreNotLate) {
  // Far less time than the work takes: they say that they are there meanwhile.
  constexpr std::chrono::milliseconds kShort{1000};
  const auto queue = make_work_queue(*communicator_, communicator_->size().value, kShort);
  static_cast<void>(work_off(*queue, 1, [&](std::int64_t) {
    for (int n = 0; n < 80; ++n) {
      queue->poll();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }));
  EXPECT_TRUE(queue->all_left());
}

TEST_F(WorkQueueTest, QueuesMayFollowEachOtherAndCollectives) {
  for (int n = 0; n < 20; ++n) {
    {
      const auto queue = make_work_queue(*communicator_, n, kTimeout);
      static_cast<void>(work_off(*queue, 1, [](std::int64_t) {}));
    }
    communicator_->barrier();
  }
}

}  // namespace
}  // namespace alignment::dist
