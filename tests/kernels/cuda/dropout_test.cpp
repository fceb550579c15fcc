#include "kernels/dropout.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

using CudaDropout = OnDevice;

/// Around blocks of 512 numbers, and odd counts.
TEST_F(CudaDropout, MasksAreTheCpus) {
  for (const std::int64_t count : {0, 1, 2, 3, 511, 512, 513, 20001}) {
    for (const double probability : {0.0, 0.1, 0.5}) {
      const DropoutDraw draw{0xfedcba9876543210U, 5, probability};
      std::vector<float> expected(static_cast<std::size_t>(count) + 1, -7.0F);
      cpu::dropout_mask(draw, count, expected.data());
      DeviceArray<float> mask(std::vector<float>(expected.size(), -7.0F));
      cuda::dropout_mask(draw, count, mask.data(), stream());
      ASSERT_EQ(mask.values(), expected) << count << ' ' << probability;
    }
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
