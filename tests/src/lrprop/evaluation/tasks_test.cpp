#include "src/lrprop/evaluation/tasks.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "dist/errors.hpp"
#include "tests/src/thread_limit.hpp"

namespace alignment::lrprop {
namespace {

TEST(Tasks, ResultsLieInTheTasksOrder) {
  const auto communicator = dist::make_self_communicator();
  std::vector<Task> tasks;
  for (int n = 0; n < 40; ++n) {
    tasks.push_back(
        {n % 7, n % 3, [n](const StopFlag&) { return std::vector<double>(static_cast<std::size_t>(n % 3), n); }});
  }
  for (const int threads : {1, 4}) {
    WorkWatch watch({}, "tasks", 40, "tasks", *communicator);
    const auto results = run_tasks(tasks, threads, watch, *communicator);
    ASSERT_EQ(results.size(), 40U);
    for (std::size_t n = 0; n < 40; ++n) EXPECT_EQ(results[n], std::vector<double>(n % 3, static_cast<double>(n)));
  }
}

TEST(Tasks, AFailureEndsTheOthers) {
  const auto communicator = dist::make_self_communicator();
  const auto wait_for_stop = [](const StopFlag& stop) -> std::vector<double> {
    while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    throw FitStopped();
  };
  const auto fail = [](const StopFlag&) -> std::vector<double> { throw std::runtime_error("no luck"); };
  WorkWatch watch({}, "tasks", 2, "tasks", *communicator);
  try {
    static_cast<void>(run_tasks({{2, 1, wait_for_stop}, {1, 1, fail}}, 2, watch, *communicator));
    ADD_FAILURE();
  } catch (const dist::AgreedFailure& failure) {
    EXPECT_NE(std::string(failure.what()).find("no luck"), std::string::npos);
  }
}

TEST(Tasks, AThreadThatCannotBeginIsAFailure) {
  const auto communicator = dist::make_self_communicator();
  const auto one = [](const StopFlag&) { return std::vector<double>{1}; };
  WorkWatch watch({}, "tasks", 3, "tasks", *communicator);
  const ThreadLimit limit(1);
  try {
    static_cast<void>(run_tasks({{1, 1, one}, {1, 1, one}, {1, 1, one}}, 3, watch, *communicator));
    ADD_FAILURE();
  } catch (const dist::AgreedFailure& failure) {
    EXPECT_NE(std::string(failure.what()).find("no room for another thread"), std::string::npos) << failure.what();
  }
}

}  // namespace
}  // namespace alignment::lrprop
