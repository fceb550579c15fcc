// A request to stop raises a flag and nothing else. Each test runs in a child, since the flag never falls again.
#include "src/job/signals/signals.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <initializer_list>
#include <thread>

namespace alignment {
namespace {

int stopped_by(int signal) {
  install_stop_signals();
  if (stop_requested()) return 1;
  std::raise(signal);
  return stop_requested() ? 0 : 2;
}

TEST(Signals, TerminateAndUserSignalOnlyRaiseTheFlag) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(std::exit(stopped_by(SIGTERM)), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(std::exit(stopped_by(SIGUSR2)), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(std::exit(stopped_by(SIGINT)), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(std::exit(stopped_by(SIGUSR1)), testing::KilledBySignal(SIGUSR1), "")
      << "other signals keep their meaning";
}

TEST(Signals, AreSeenByThreadsBeside) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto stopped = [] {
    install_stop_signals();
    std::thread beside([] {
      while (!stop_requested()) std::this_thread::yield();
    });
    std::raise(SIGTERM);
    beside.join();
    std::exit(0);
  };
  EXPECT_EXIT(stopped(), testing::ExitedWithCode(0), "");
}

TEST(Signals, ASecondInterruptEndsTheProcessAndOthersDoNot) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto raise_all = [](std::initializer_list<int> signals) {
    for (const int signal : signals) {
      install_stop_signals();  // whoever installs them again does not undo the first one
      std::raise(signal);
    }
    std::exit(stop_requested() ? 0 : 2);
  };
  EXPECT_EXIT(raise_all({SIGINT, SIGINT}), testing::KilledBySignal(SIGINT), "");
  EXPECT_EXIT(raise_all({SIGTERM, SIGTERM, SIGUSR2, SIGINT}), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace alignment
