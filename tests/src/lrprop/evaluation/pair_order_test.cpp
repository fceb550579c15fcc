#include "src/lrprop/evaluation/pair_order.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace alignment::lrprop {
namespace {

TEST(PairOrder, EveryPairOnceAndAPlaceOfItsOwn) {
  for (const std::int64_t videos : {0, 1, 2, 3, 4, 7, 10}) {
    const std::vector<VideoPair> pairs = tournament(videos);
    std::set<std::int64_t> places;
    for (const VideoPair& pair : pairs) {
      EXPECT_LT(pair.first, pair.second);
      EXPECT_LT(pair.second, videos);
      places.insert(place_of(pair, videos));
    }
    EXPECT_EQ(std::ssize(pairs), videos * (videos - 1) / 2);
    EXPECT_EQ(std::ssize(places), std::ssize(pairs));
    if (!places.empty()) {
      EXPECT_EQ(*places.begin(), 0);
      EXPECT_EQ(*places.rbegin(), std::ssize(pairs) - 1);
    }
  }
  EXPECT_EQ(place_of({0, 1}, 4), 0);
  EXPECT_EQ(place_of({0, 3}, 4), 2);
  EXPECT_EQ(place_of({1, 2}, 4), 3);
  EXPECT_EQ(place_of({2, 3}, 4), 5);
}

TEST(PairOrder, ARoundHasNoVideoTwice) {
  const std::vector<VideoPair> pairs = tournament(8);
  for (std::size_t round = 0; round < 7; ++round) {
    std::set<std::int64_t> videos;
    for (std::size_t k = 0; k < 4; ++k) {
      videos.insert(pairs[4 * round + k].first);
      videos.insert(pairs[4 * round + k].second);
    }
    EXPECT_EQ(videos.size(), 8U);
  }
}

TEST(PairOrder, PartsHaveEqualWork) {
  EXPECT_EQ(cut_by_work({1, 1, 1, 1, 1, 1}, 3), (std::vector<std::int64_t>{0, 2, 4, 6}));
  EXPECT_EQ(cut_by_work({5, 1, 1, 1, 1, 1}, 2), (std::vector<std::int64_t>{0, 1, 6}));
  EXPECT_EQ(cut_by_work({7}, 3), (std::vector<std::int64_t>{0, 0, 1, 1}));
  EXPECT_EQ(cut_by_work({}, 2), (std::vector<std::int64_t>{0, 0, 0}));
}

}  // namespace
}  // namespace alignment::lrprop
