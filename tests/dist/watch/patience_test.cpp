#include "dist/watch/patience.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace alignment::dist::detail {
namespace {

using std::chrono::milliseconds;

TEST(Patience, EndsAfterItsLimit) {
  Patience patience(milliseconds(50));
  patience.start(Awaited::kPeers);
  const auto begin = Patience::Clock::now();
  while (patience.rest()) {
  }
  EXPECT_GE(Patience::Clock::now() - begin, milliseconds(49));
  EXPECT_GE(patience.waited(), milliseconds(50));
}

/// What a process does whose peers come 200 ms of its own time after it began to wait.
[[noreturn]] void wait_as_a_child(int begun) {
  Patience patience(milliseconds(2'000));
  patience.start(Awaited::kPeers);
  static_cast<void>(write(begun, "", 1) < 0);
  for (int rests = 0; rests < 200; ++rests) {
    if (!patience.rest()) _exit(1);
    std::this_thread::sleep_for(milliseconds(1));
  }
  _exit(patience.waited() < milliseconds(2'000) ? 0 : 2);
}

TEST(Patience, TimeInWhichTheProcessIsStoppedDoesNotCount) {
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
