#include "src/programs/dejavid_bench/naive.hpp"

#include <gtest/gtest.h>

#include "src/programs/dejavid_bench/validation.hpp"

namespace alignment::bench {
namespace {

constexpr std::int64_t kOneClassAtATime = 1, kManyClasses = std::int64_t{256} << 20U;

TEST(Naive, AgreesWithTheReference) {
  for (const Shape& shape : {Shape{"", 51, 8, 1459, 33, 96}, Shape{"", 3, 4, 40, 9, 5}, Shape{"", 5, 9, 40, 2, 5},
                             Shape{"", 2, 1, 1, 1, 1}}) {
    for (const std::int64_t block_bytes : {kOneClassAtATime, std::int64_t{3} << 20U, kManyClasses}) {
      EXPECT_EQ(find_naive_disagreement(shape, block_bytes), std::nullopt) << to_string(shape) << " " << block_bytes;
    }
  }
}

TEST(Naive, ASecondStepOwesNothingToTheFirst) {
  KernelProblem problem = cut_problem({"", 3, 4, 40, 9, 5});
  const Expected expected(problem);
  NaiveStep naive(problem.parameters(), problem.samples(), kManyClasses);
  for (int step = 0; step < 2; ++step) {
    naive.search_paths();
    naive.distances();
    naive.gradient(problem.distance_gradient());
  }
  EXPECT_EQ(naive.breakpoints(), expected.breakpoints);
  EXPECT_EQ(naive.distance_values(), expected.distances);
  EXPECT_EQ(naive.slope_sum(), expected.slope_sum);
  EXPECT_EQ(naive.magnitude_sum(), expected.magnitude_sum);
}

}  // namespace
}  // namespace alignment::bench
