#include "src/programs/dejavid_bench/measurement.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "src/programs/dejavid_bench/record.hpp"
#include "src/programs/dejavid_bench/roof.hpp"

namespace alignment::bench {
namespace {

TEST(Measurement, MedianAndSpread) {
  const Summary odd = summarize({4, 1, 2});
  EXPECT_EQ(odd.seconds, 2);
  EXPECT_EQ(odd.spread, 1.5);
  const Summary even = summarize({8, 1, 2, 4});
  EXPECT_EQ(even.seconds, 3);
  EXPECT_EQ(even.spread, 7.0 / 3);
  EXPECT_EQ(summarize({5}).spread, 0);
}

TEST(Measurement, CallsOnceToWarmUpAndThenOnceARepeatAtLeast) {
  CacheFlush flush;
  int calls = 0;
  const Summary summary = measure([&] { ++calls; }, 1, {.repeats = 3, .seconds = 0}, flush);
  EXPECT_EQ(calls, 4);
  EXPECT_GE(summary.seconds, 0);
}

TEST(Measurement, AShareIsTakenWithinEachMeasurement) {
  // A core that is half as fast for a while is half as fast for both.
  const std::vector<double> speeds{100, 100, 50, 50, 100, 100};
  std::size_t next = 0;
  BesideRoof beside([&] { return speeds[next++]; });
  for (const double seconds : {2.0, 2.8, 4.0, 2.8, 2.0}) beside.add(seconds);  // 200, 210, 200, 210, 200 elements
  EXPECT_DOUBLE_EQ(beside.roof(2.8), 200 / 2.8);

  CacheFlush flush;
  next = 0;
  const Summary summary = measure([] {}, 1, {.repeats = 5, .seconds = 0}, flush, [&] { return speeds[next++]; });
  EXPECT_EQ(next, speeds.size());
  ASSERT_TRUE(summary.roof);
  EXPECT_GE(*summary.roof * summary.seconds, 0);
}

/// |1.5 - 1.25| * 0.5 an element: were one left out, the sum would tell.
TEST(Roof, EveryVariantsLoopAddsUpTheElementsThatItCounts) {
  for (const kernels::Variant& variant : kernels::variants()) {
    if (!variant.supported()) continue;
    double one_round = 0;
    for (const std::int64_t rounds : {1, 7, 100}) {
      double checksum = 0;
      const double elements = roof_loop_of(variant)(rounds, &checksum);
      if (rounds == 1) one_round = elements;
      EXPECT_EQ(elements, one_round * static_cast<double>(rounds)) << variant.name;
      EXPECT_EQ(checksum, elements * 0.125) << variant.name;  // exact: far below 2^24 eighths a lane
    }
    EXPECT_GT(measure_roof(variant, 2), 0) << variant.name;
  }
}

TEST(Roof, AVariantWithoutOneIsRefused) {
  kernels::Variant unknown = kernels::variants().back();
  unknown.name = "unknown";
  EXPECT_THROW(static_cast<void>(measure_roof(unknown, 1)), std::logic_error);
}

TEST(Record, TheShareOfTheRoofCountsWhatIsVisited) {
  Record record;
  record.seconds = 2;
  record.elements = 400;
  EXPECT_EQ(record.elements_per_s(), 200);
  EXPECT_EQ(record.share_of_roof(), std::nullopt);
  record.roof = 1000;
  EXPECT_EQ(record.share_of_roof(), 0.2);
  record.visited_elements = 100;
  EXPECT_EQ(record.share_of_roof(), 0.05);
}

TEST(Record, AShareThatCannotBeIsNoResult) {
  Record record;
  record.name = "cost/avx2";
  record.seconds = 1;
  record.elements = 210;
  record.roof = 100;
  EXPECT_FALSE(record.busy());  // on a GPU, say, whose matrices exceed the roof of f32
  record.most_of_roof = kMostOfRoof;
  EXPECT_TRUE(record.busy());
  EXPECT_EQ(record.share_of_roof(), std::nullopt);
  EXPECT_TRUE(to_json(record)["busy"]);
  EXPECT_FALSE(to_json(record).contains("share_of_roof"));
  const std::string table = to_table({record});
  EXPECT_NE(table.find("the machine was busy"), std::string::npos);
  EXPECT_EQ(table.find("210.0 %"), std::string::npos);
  record.most_of_roof = kMostOfRoofOnIntegers;
  EXPECT_EQ(record.share_of_roof(), 2.1);
  EXPECT_FALSE(to_json(record).contains("busy"));
}

}  // namespace
}  // namespace alignment::bench
