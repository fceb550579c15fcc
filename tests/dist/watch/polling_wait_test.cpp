#include "dist/watch/polling_wait.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace alignment::dist::detail {
namespace {

using std::chrono::milliseconds;

TEST(PollingWait, EndsAfterItsLimit) {
  PollingWait wait(milliseconds(50));
  const auto begin = std::chrono::steady_clock::now();
  while (wait.rest()) {
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(49));
  EXPECT_GE(wait.waited(), milliseconds(50));
}

/// What a process does whose peers come 200 ms of its own time after it began to wait.
[[noreturn]] void wait_as_a_child(int begun) {
  PollingWait wait(milliseconds(2'000));
  static_cast<void>(write(begun, "", 1) < 0);
  for (int rests = 0; rests < 200; ++rests) {
    if (!wait.rest()) _exit(1);
    std::this_thread::sleep_for(milliseconds(1));
  }
  _exit(wait.waited() < milliseconds(2'000) ? 0 : 2);
}

TEST(PollingWait, TimeInWhichTheProcessIsStoppedDoesNotCount) {
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  const pid_t child = fork();
  if (child == 0) wait_as_a_child(channel[1]);
  char byte = 0;
  ASSERT_EQ(read(channel[0], &byte, 1), 1);
  ASSERT_EQ(kill(child, SIGSTOP), 0);
  std::this_thread::sleep_for(milliseconds(2'500));
  ASSERT_EQ(kill(child, SIGCONT), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  close(channel[0]);
  close(channel[1]);
}

}  // namespace
}  // namespace alignment::dist::detail
