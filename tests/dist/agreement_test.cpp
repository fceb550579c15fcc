#include "dist/agreement.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>

namespace alignment::dist {
namespace {

class Agreement : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Communicator> communicator_ =
      GetParam() ? make_mpi_communicator(std::chrono::seconds(60)) : make_self_communicator();
  int rank_ = communicator_->rank().value;
  int world_ = communicator_->size().value;

  /// What agree_and_max() throws, or nothing, where the ranks in `failing` fail; each with its own code and message.
  std::optional<AgreedFailure> outcome(const std::set<int>& failing, std::size_t message_length, int flag) {
    std::optional<Failure> failure;
    if (failing.contains(rank_)) failure = Failure{10 + rank_, message(rank_, message_length)};
    try {
      returned_flag_ = agree_and_max(*communicator_, failure, flag);
      return std::nullopt;
    } catch (const AgreedFailure& agreed) {
      return agreed;
    }
  }

  static std::string message(int of_rank, std::size_t length) {
    std::string text(length, '.');
    for (std::size_t i = 0; i < length; ++i)
      text[i] = static_cast<char>('a' + (i + static_cast<std::size_t>(of_rank)) % 26);
    return text;
  }

  /// What is appended; all ranks are on this host.
  [[nodiscard]] std::string names(const std::set<int>& failing) const {
    if (static_cast<int>(failing.size()) == world_) return "";
    if (failing.size() == 1) return " (rank " + std::to_string(*failing.begin()) + " on " + host_name() + ")";
    std::string ranks;
    for (const int rank : failing) ranks += (ranks.empty() ? "" : ", ") + std::to_string(rank);
    return " (ranks " + ranks + " of " + std::to_string(world_) + "; " + host_name() + ")";
  }

  int returned_flag_ = -1;
};
INSTANTIATE_TEST_SUITE_P(Backends, Agreement, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& backend) { return backend.param ? "mpi" : "self"; });

TEST_P(Agreement, ReturnsWhereAllSucceed) {
  EXPECT_NO_THROW(agree(*communicator_, std::nullopt));
  EXPECT_EQ(outcome({}, 0, 0), std::nullopt);
  EXPECT_EQ(returned_flag_, 0);
}

TEST_P(Agreement, GivesEveryRankTheFailureOfTheLowestFailingRank) {
  const int last = world_ - 1;
  const int middle = world_ / 2;
  for (const std::set<int>& failing :
       {std::set{0}, std::set{last}, std::set{middle, last}, std::set{0, middle, last}}) {
    for (const std::size_t length : {0UL, 1UL, 80UL, 300'000UL}) {
      const std::optional<AgreedFailure> failure = outcome(failing, length, 3);
      EXPECT_TRUE(failure.has_value());
      if (!failure) continue;
      EXPECT_EQ(failure->failing_rank.value, *failing.begin());
      EXPECT_EQ(failure->code, 10 + *failing.begin());
      EXPECT_TRUE(failure->what() == message(*failing.begin(), length) + names(failing));
    }
  }
  std::optional<Failure> mine;
  if (rank_ == last) mine = Failure{12, "found NaN"};
  EXPECT_THROW(agree(*communicator_, mine), AgreedFailure);
}

TEST_P(Agreement, NamesAFewOfManyFailingRanks) {
  if (world_ < 7) GTEST_SKIP() << "expected at least 7 ranks";
  const std::optional<AgreedFailure> failure = outcome({1, 2, 3, 4, 5, 6}, 0, 0);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->what(), " (ranks 1, 2, 3, 4 and 2 more of " + std::to_string(world_) + "; " + host_name() + ")");
}

TEST_P(Agreement, GoesOnAfterAFailure) {
  EXPECT_TRUE(outcome({0}, 5, 0).has_value());
  EXPECT_FALSE(outcome({}, 0, 0).has_value());
}

TEST_P(Agreement, TheLargestFlagReachesAll) {
  for (int flagged = 0; flagged < world_; ++flagged) {
    EXPECT_EQ(outcome({}, 0, rank_ == flagged ? 2 : rank_ == 0 ? 1 : 0), std::nullopt);
    EXPECT_EQ(returned_flag_, 2);
  }
  EXPECT_EQ(outcome({}, 0, -1 - rank_), std::nullopt);
  EXPECT_EQ(returned_flag_, -1);
}

TEST_P(Agreement, SeesWhetherAValueIsTheSameEverywhere) {
  for (const std::uint64_t value : {0UL, 1UL, 0x8000'0000'0000'0000UL, ~0UL}) {
    EXPECT_TRUE(same_on_all_ranks(*communicator_, value));
    for (int different = 0; different < world_; ++different) {
      EXPECT_EQ(same_on_all_ranks(*communicator_, rank_ == different ? value ^ 1U : value), world_ == 1);
    }
  }
}

}  // namespace
}  // namespace alignment::dist
