#include "kernels/dropout.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "io/bytes/random_bits.hpp"

namespace alignment::kernels::testing {
namespace {

template <typename Real>
std::vector<Real> mask_of(const DropoutDraw& draw, std::int64_t count) {
  std::vector<Real> mask(static_cast<std::size_t>(count) + 1, std::numeric_limits<Real>::quiet_NaN());
  cpu::dropout_mask(draw, count, mask.data());
  EXPECT_NE(mask.back(), mask.back()) << "written behind the mask's end";
  mask.pop_back();
  return mask;
}

TEST(DropoutMask, IsTheReferences) {
  for (const std::int64_t count : {0, 1, 2, 3, 1000, 4097}) {
    for (const double probability : {0.0, 0.1, 0.5, 0.999}) {
      for (const unsigned place : {0U, 7U}) {
        const DropoutDraw draw{0x123456789abcdefU, place, probability};
        std::vector<double> expected(static_cast<std::size_t>(count));
        reference::dropout_mask(draw, count, expected.data());
        const std::vector<float> floats = mask_of<float>(draw, count);
        const std::vector<double> doubles = mask_of<double>(draw, count);
        for (std::size_t n = 0; n < expected.size(); ++n) {
          ASSERT_EQ(floats[n], static_cast<float>(expected[n])) << count << ' ' << probability << ' ' << n;
          ASSERT_EQ(doubles[n], static_cast<double>(floats[n])) << count << ' ' << probability << ' ' << n;
        }
      }
    }
  }
}

/// Runs of earlier versions are resumed with the numbers that they would have drawn.
TEST(DropoutMask, IsDrawnByTheGeneratorOfEverythingElse) {
  constexpr std::uint64_t kKey = 42, kPlace = 3;
  io::RandomBits bits(io::RandomBits::mix(kKey ^ io::RandomBits::mix(kPlace + io::RandomBits::kStep)) -
                      io::RandomBits::kStep);
  const std::vector<float> mask = mask_of<float>({kKey, kPlace, 0.25}, 200);
  for (std::size_t n = 0; n < mask.size(); n += 2) {
    const std::uint64_t both = bits.next();
    ASSERT_EQ(mask[n] == 0, (both & 0xffffffffU) < 0x40000000U) << n;
    ASSERT_EQ(mask[n + 1] == 0, both >> 32U < 0x40000000U) << n;
  }
}

TEST(DropoutMask, DropsAsManyAsItIsTold) {
  constexpr std::int64_t kCount = 1'000'000;
  constexpr double kProbability = 0.1;
  double dropped = 0, sum = 0;
  for (const float number : mask_of<float>({9, 1, kProbability}, kCount)) {
    dropped += number == 0 ? 1 : 0;
    sum += static_cast<double>(number);
  }
  // Six standard deviations of a binomial's.
  EXPECT_NEAR(dropped / kCount, kProbability, 6 * std::sqrt(kProbability * (1 - kProbability) / kCount));
  EXPECT_NEAR(sum / kCount, 1, 6 * std::sqrt(kProbability / (1 - kProbability) / kCount));
}

}  // namespace
}  // namespace alignment::kernels::testing
