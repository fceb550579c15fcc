// Which exit code and line every kind of error becomes, and that a phase's failure is agreed on.
#include "src/job/failure.hpp"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "io/errors.hpp"
#include "src/config/command_line.hpp"

namespace alignment {
namespace {

template <typename Error>
dist::Failure described(const Error& error) {
  return describe(std::make_exception_ptr(error));
}

TEST(Failure, EveryErrorHasItsExitCodeAndKeepsItsLine) {
  const auto expect = [](const dist::Failure& failure, int code) {
    EXPECT_EQ(failure.code, code);
    EXPECT_EQ(failure.message, "what was found");
  };
  expect(described(ConfigError("what was found")), 2);
  expect(described(dist::LaunchError("what was found")), 2);
  expect(described(io::StoreError("what was found")), 10);
  expect(described(io::ModelFileError("what was found")), 11);
  expect(described(io::NotFiniteError("what was found")), 12);
  expect(described(io::WriteError("what was found")), 13);
  expect(described(dist::TimeoutError("what was found")), 14);
  expect(described(dist::RankLostError("what was found")), 15);
  expect(described(dist::AgreedFailure({12, "what was found"}, dist::Rank{3})), 12);
  expect(described(std::runtime_error("what was found")), 1);
}

TEST(Failure, OtherErrorsSayWhatTheyCan) {
  EXPECT_EQ(described(std::bad_alloc()).code, 1);
  EXPECT_NE(described(std::bad_alloc()).message.find("train.batch_size"), std::string::npos);
  EXPECT_EQ(described(42).code, 1);
  EXPECT_FALSE(described(42).message.empty());
}

TEST(Failure, AMessageIsOneLine) {
  EXPECT_EQ(described(io::StoreError("a\nb\nc")).message, "a b c");
}

TEST(Failure, AgreedPassesOrThrowsForAllRanks) {
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
