#include "src/gpu/memory.hpp"

#include <gtest/gtest.h>

namespace alignment::dejavid {
namespace {

template <typename Buffer>
class Buffers : public ::testing::Test {};
using Kinds = ::testing::Types<DeviceBuffer<float>, PinnedBuffer<float>>;
TYPED_TEST_SUITE(Buffers, Kinds);

TYPED_TEST(Buffers, TakeWhatTheyAreAskedForAndOnlyGrow) {
  TypeParam buffer;
  EXPECT_EQ(buffer.data(), nullptr);
  float* const first = buffer.reserve(std::size_t{800});
  EXPECT_EQ(buffer.capacity(), 800U);
  EXPECT_EQ(buffer.reserve(std::size_t{10}), first);
  EXPECT_EQ(buffer.capacity(), 800U);
  buffer.reserve(std::size_t{801});
  EXPECT_EQ(buffer.capacity(), 801U);
}

TYPED_TEST(Buffers, WithSpareRoomGrowByAnEighthMore) {
  TypeParam buffer;
  float* const first = buffer.reserve_with_spare(std::size_t{800});
  EXPECT_EQ(buffer.capacity(), 900U);
  EXPECT_EQ(buffer.reserve_with_spare(std::size_t{900}), first);
  EXPECT_EQ(buffer.reserve_with_spare(std::int64_t{0}), first);
  buffer.reserve_with_spare(std::int64_t{904});
  EXPECT_EQ(buffer.capacity(), 1017U);
}

TEST(DeviceMemory, CountsWhatBuffersTake) {
  const std::int64_t before = device_memory().held;
  {
    DeviceBuffer<float> buffer;
    buffer.reserve_with_spare(std::size_t{800});
    EXPECT_EQ(device_memory().held, before + 3600);
  }
  EXPECT_EQ(device_memory().held, before);
}

}  // namespace
}  // namespace alignment::dejavid
