// A process that waits too long for something other than a rank.
#include "dist/watch/deadline.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>

namespace alignment::dist {
namespace {

using std::chrono::milliseconds;
using std::this_thread::sleep_for;

class DeadlineTest : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};
using DeadlineDeathTest = DeadlineTest;

TEST_F(DeadlineDeathTest, EndsTheProcessWith14AndALine) {
  const auto wait = [](WaitsFor waits_for) {
    const Deadline deadline(waits_for, "a read of the store", milliseconds(100));
    sleep_for(std::chrono::minutes(5));
  };
  EXPECT_EXIT(wait(WaitsFor::kFileSystem), ::testing::ExitedWithCode(14),
              "^error: rank 0 on .*: found no return from a read of the store after 0.1 s; expected one, or an error; "
              "look at the file system and the way to it, or raise dist.timeout_s\n$");
  EXPECT_EXIT(wait(WaitsFor::kGpu), ::testing::ExitedWithCode(14), "see what the system says of the GPU");
}

TEST_F(DeadlineDeathTest, AddsWhatItCanFindOut) {
  const auto wait = [] {
    const Deadline deadline(WaitsFor::kFileSystem, "a read", milliseconds(100), [] { return std::string(" (of a)"); });
    sleep_for(std::chrono::minutes(5));
  };
  EXPECT_EXIT(wait(), ::testing::ExitedWithCode(14),
              "found no return from a read after 0.1 s \\(of a\\); expected one");
}

TEST_F(DeadlineDeathTest, CountsOnlyInItsScope) {
  const auto be_slow_outside = [] {
    for (int round = 0; round < 3; ++round) {
      { const Deadline deadline(WaitsFor::kFileSystem, "a read", milliseconds(300)); }
      sleep_for(milliseconds(200));
    }
    std::exit(0);  // NOLINT(concurrency-mt-unsafe)
  };
  EXPECT_EXIT(be_slow_outside(), ::testing::ExitedWithCode(0), "^$");
}

TEST_F(DeadlineDeathTest, EndOfOneLeavesTheOtherRunning) {
  const auto wait = [] {
    const Deadline gpu(WaitsFor::kGpu, "a step", milliseconds(300));
    { const Deadline reading(WaitsFor::kFileSystem, "a read", milliseconds(100)); }
    sleep_for(std::chrono::minutes(5));
  };
  EXPECT_EXIT(wait(), ::testing::ExitedWithCode(14), "found no return from a step");
}

}  // namespace
}  // namespace alignment::dist
