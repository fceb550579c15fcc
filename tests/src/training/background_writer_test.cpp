#include "src/training/background_writer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

namespace alignment {
namespace {

constexpr std::chrono::minutes kPatience{5};

TEST(BackgroundWriter, GoesOnWhileAJobRunsAndOneJobFollowsTheOther) {
  std::promise<void> release;
  std::atomic<int> done = 0;
  BackgroundWriter writer(kPatience);
  writer.start([&] {
    release.get_future().wait();
    done = 1;
  });
  writer.check();
  EXPECT_EQ(done, 0);
  release.set_value();
  writer.start([&] { done = done == 1 ? 2 : -1; });
  writer.finish();
  EXPECT_EQ(done, 2);
}

TEST(BackgroundWriter, AFailureIsThrownOnceByWhateverComesNext) {
  const auto fail = [] { throw std::runtime_error("full"); };
  BackgroundWriter writer(kPatience);
  writer.start(fail);
  EXPECT_THROW(writer.finish(), std::runtime_error);
  EXPECT_NO_THROW(writer.finish());
  writer.start(fail);
  EXPECT_THROW(
      for (;;) {
        writer.check();
        std::this_thread::yield();
      },
      std::runtime_error);
  EXPECT_NO_THROW(writer.check());
  writer.start(fail);
  bool begun = false;
  EXPECT_THROW(writer.start([&] { begun = true; }), std::runtime_error);
  writer.finish();
  EXPECT_TRUE(begun) << "one job's failure is not the next one's";
  writer.start(fail);  // dropped by the destructor
}

TEST(BackgroundWriter, TheDestructorWaits) {
  std::atomic<bool> done = false;
  {
    BackgroundWriter writer(kPatience);
    writer.start([&] {
      std::this_thread::yield();
      done = true;
    });
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace alignment
