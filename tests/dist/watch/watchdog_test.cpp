// A process that waits too long.
#include "dist/watch/watchdog.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

namespace alignment::dist {
namespace {

using std::chrono::milliseconds;
using std::this_thread::sleep_for;

void hang() {
  sleep_for(std::chrono::minutes(1));
}

class DeadlineTest : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};
using DeadlineDeathTest = DeadlineTest;

TEST_F(DeadlineDeathTest, EndsTheProcessWith14AndALine) {
  const auto wait = [](Awaited awaited) {
    const Deadline deadline(awaited, "a read of the store", milliseconds(100));
    hang();
  };
  EXPECT_EXIT(wait(Awaited::kFileSystem), ::testing::ExitedWithCode(14),
              "^error: rank 0 on .*: found no return from a read of the store after 0.1 s; expected one, or an error; "
              "look at the file system and the way to it, or raise dist.timeout_s\n$");
  EXPECT_EXIT(wait(Awaited::kGpu), ::testing::ExitedWithCode(14),
              "an error; see what the system says of the GPU, or raise dist.timeout_s\n$");
  EXPECT_EXIT(wait(Awaited::kNccl), ::testing::ExitedWithCode(14),
              "an error; look for a stopped or lost rank and at the GPU's driver\n$");
  EXPECT_EXIT(wait(Awaited::kRanks), ::testing::ExitedWithCode(14),
              "an error; look for a stopped, lost or overloaded rank, or raise dist.timeout_s\n$");
}

TEST_F(DeadlineDeathTest, NamesFilesWhereThereAreSome) {
  const auto wait = [](std::string (*files_in_use)()) {
    const Deadline deadline(Awaited::kFileSystem, "a read", milliseconds(100), files_in_use);
    hang();
  };
  EXPECT_EXIT(wait([] { return std::string("set.h5"); }), ::testing::ExitedWithCode(14),
              "found no return from a read after 0.1 s \\(at work on set.h5\\); expected one");
  EXPECT_EXIT(wait([] { return std::string(); }), ::testing::ExitedWithCode(14),
              "found no return from a read after 0.1 s; expected one");
}

TEST_F(DeadlineDeathTest, EndsWithACodeAndALineOfItsOwn) {
  const auto wait = [](const char* line) {
    const Deadline deadline(milliseconds(100), 15, line);
    hang();
  };
  EXPECT_EXIT(wait("found nobody"), ::testing::ExitedWithCode(15), "^error: found nobody\n$");
  EXPECT_EXIT(wait(""), ::testing::ExitedWithCode(15), "^$");
}

TEST_F(DeadlineDeathTest, CountsOnlyInItsScope) {
  const auto be_slow_outside = [] {
    for (int round = 0; round < 3; ++round) {
      { const Deadline deadline(Awaited::kFileSystem, "a read", milliseconds(300)); }
      sleep_for(milliseconds(200));
    }
    std::exit(0);  // NOLINT(concurrency-mt-unsafe)
  };
  EXPECT_EXIT(be_slow_outside(), ::testing::ExitedWithCode(0), "^$");
}

TEST_F(DeadlineDeathTest, EndOfOneLeavesTheOthersRunning) {
  const auto wait = [] {
    const Deadline outer(Awaited::kGpu, "a step", milliseconds(300));
    { const Deadline inner(Awaited::kGpu, "a part of it", milliseconds(100)); }
    std::thread([] { const Deadline beside(Awaited::kGpu, "another", milliseconds(100)); }).join();
    hang();
  };
  EXPECT_EXIT(wait(), ::testing::ExitedWithCode(14), "found no return from a step");
}

TEST_F(DeadlineDeathTest, TheFirstMissedCountsWhicheverWasMadeFirst) {
  const auto wait = [] {
    const Deadline late(Awaited::kGpu, "what may take long", std::chrono::minutes(5));
    const Deadline first(Awaited::kFileSystem, "a read", milliseconds(100));
    const Deadline later(Awaited::kFileSystem, "what may take longer", std::chrono::minutes(5));
    hang();
  };
  EXPECT_EXIT(wait(), ::testing::ExitedWithCode(14), "found no return from a read after 0.1 s");
}

/// Stops this process for 2.5 s, 100 ms from now.
void stop_soon() {
  const pid_t stopped = getpid();
  if (fork() != 0) return;
  usleep(100'000);
  kill(stopped, SIGSTOP);
  usleep(2'500'000);
  kill(stopped, SIGCONT);
  _exit(0);
}

TEST_F(DeadlineDeathTest, TimeInWhichTheProcessIsStoppedDoesNotCount) {
  const auto wait_while_stopped = [] {
    stop_soon();
    const Deadline deadline(Awaited::kFileSystem, "a read", milliseconds(2'000));
    for (int rests = 0; rests < 40; ++rests) sleep_for(milliseconds(10));
    _exit(0);
  };
  EXPECT_EXIT(wait_while_stopped(), ::testing::ExitedWithCode(0), "^$");
}

}  // namespace
}  // namespace alignment::dist
