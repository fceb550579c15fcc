// A phase's failure is agreed on.
#include "src/job/agreed.hpp"

#include <gtest/gtest.h>

#include "io/errors.hpp"

namespace alignment {
namespace {

TEST(Agreed, PassesOrThrowsForAllRanks) {
  const auto communicator = dist::make_self_communicator();
  int runs = 0;
  agreed(*communicator, [&] { ++runs; });
  EXPECT_EQ(runs, 1);
  try {
    agreed(*communicator, [] { throw io::StoreError("a.h5: found nothing"); });
    FAIL() << "the failure was lost";
  } catch (const dist::AgreedFailure& failure) {
    EXPECT_EQ(failure.code, 10);
    EXPECT_STREQ(failure.what(), "a.h5: found nothing");
    EXPECT_EQ(failure.failing_rank, dist::Rank{0});
  }
}

}  // namespace
}  // namespace alignment
