#include "src/lrprop/network/torch_thread.hpp"

#include <torch/torch.h>

#undef CHECK

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "tests/src/thread_limit.hpp"

namespace alignment::lrprop {
namespace {

/// How many threads LibTorch has on a thread that borrowed() was called on, while it was borrowed and after.
struct Threads {
  int borrowed = 0, after = 0;
};

Threads borrow(int threads, bool none_can_begin) {
  Threads found;
  std::thread([&] {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    std::optional<BorrowedThread> borrowed(std::in_place);
    found.borrowed = at::get_num_threads();
    {
      std::optional<ThreadLimit> limit;
      if (none_can_begin) limit.emplace(0);
      borrowed.reset();
    }
    found.after = at::get_num_threads();
    at::set_num_threads(before);
  }).join();
  return found;
}

TEST(BorrowedThread, HasItsThreadsAgainAfterwards) {
  const Threads found = borrow(3, false);
  EXPECT_EQ(found.borrowed, 1);
  EXPECT_EQ(found.after, 3);
}

TEST(BorrowedThread, AlsoWhereNoOtherThreadCanBegin) {
  EXPECT_EQ(borrow(3, true).after, 3);
}

}  // namespace
}  // namespace alignment::lrprop
