#include "kernels/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

namespace alignment::kernels::cpu {
namespace {

TEST(ParallelFor, CallsEveryIndexOnceAsOneOfItsThreads) {
  for (const int threads : {1, 2, 3, 8}) {
    for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
      for (const std::int64_t chunk : {std::int64_t{1}, std::int64_t{3}, even_chunk(count, threads)}) {
        std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
        std::vector<std::atomic<bool>> at_work(static_cast<std::size_t>(threads));
        parallel_for(threads, count, chunk, [&](std::int64_t index, int thread) {
          ASSERT_FALSE(at_work.at(static_cast<std::size_t>(thread)).exchange(true));
          ++calls[static_cast<std::size_t>(index)];
          at_work[static_cast<std::size_t>(thread)] = false;
        });
        for (const auto& times : calls) ASSERT_EQ(times, 1) << threads << " threads, " << count << " by " << chunk;
      }
    }
  }
}

/// What each loop wrote is there when it returns, however short the loops are.
TEST(ParallelFor, LoopsFollowOneAnother) {
  std::vector<std::int64_t> values(64, 0);
  for (int round = 0; round < 20000; ++round) {
    parallel_for(3, 64, 4, [&](std::int64_t index, int) { ++values[static_cast<std::size_t>((index + round) % 64)]; });
  }
  for (const std::int64_t value : values) EXPECT_EQ(value, 20000);
}

TEST(ParallelFor, TheCallerGetsWhatACallThrew) {
  for (const int threads : {1, 2, 4}) {
    for (int round = 0; round < 200; ++round) {
      EXPECT_THROW(parallel_for(threads, 100, 1,
                                [&](std::int64_t index, int) {
                                  if (index % 3 == 1) throw std::bad_alloc();
                                }),
                   std::bad_alloc);
    }
    int calls = 0;
    EXPECT_THROW(parallel_for(threads, 1, 1, [&](std::int64_t, int) { throw std::runtime_error("one"); }),
                 std::runtime_error);
    parallel_for(threads, 1, 1, [&](std::int64_t, int) { ++calls; });
    EXPECT_EQ(calls, 1);
  }
}

TEST(ParallelFor, ALoopWithinALoopAndOneBesideAnother) {
  std::atomic<int> calls = 0;
  const auto nested = [&] {
    for (int round = 0; round < 100; ++round) {
      parallel_for(2, 8, 1, [&](std::int64_t, int) { parallel_for(2, 8, 1, [&](std::int64_t, int) { ++calls; }); });
    }
  };
  std::thread beside(nested);
  nested();
  beside.join();
  EXPECT_EQ(calls, 2 * 100 * 64);
}

/// More threads than any machine has cores stand for cores that are busy with something else.
TEST(ParallelFor, ManyMoreThreadsThanCoresAreHardlySlowerThanOne) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> numbers(20000, 1.0);
  const auto seconds = [&](int threads) {
    const Clock::time_point start = Clock::now();
    for (int round = 0; round < 2000; ++round) {
      parallel_for(threads, static_cast<std::int64_t>(numbers.size()), 500,
                   [&](std::int64_t index, int) { numbers[static_cast<std::size_t>(index)] *= 1.0000001; });
    }
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::atomic<bool> done = false;
  std::vector<std::thread> others;
  for (unsigned n = 0; n < 3 * std::thread::hardware_concurrency(); ++n) {
    others.emplace_back([&] {
      while (!done) {
      }
    });
  }
  const double many = seconds(16), one = seconds(1);
  done = true;
  for (std::thread& other : others) other.join();
  // A barrier that spins takes hundreds of times as long; time slices of a busy machine account for a factor of some.
  EXPECT_LT(many, 5 * one + 0.5);
}

}  // namespace
}  // namespace alignment::kernels::cpu
