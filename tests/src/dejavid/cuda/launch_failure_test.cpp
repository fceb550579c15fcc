#include "kernels/launch_failure.hpp"

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "kernels/device.hpp"
#include "src/gpu/memory.hpp"
#include "tests/stand_ins/cuda/cuda_shim.hpp"

namespace alignment::dejavid {
namespace {

std::string message_of(const std::function<void()>& launch) {
  try {
    launch();
  } catch (const kernels::LaunchFailure& failure) {
    return failure.what();
  }
  return "nothing was thrown";
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

TEST(LaunchFailures, OfEarlierWorkAreNotTheKernels) {
  CudaStream stream;
  DeviceBuffer<float> numbers;
  numbers.reserve(std::size_t{1});
  const auto launch = [&] { kernels::cuda::exponentiate(numbers.data(), 1, numbers.data(), stream.get()); };
  for (const cudaError_t error : {cudaErrorIllegalAddress, cudaErrorLaunchFailure}) {
    cuda_shim::break_device(error);
    const std::string message = message_of(launch);
    cuda_shim::break_device(cudaSuccess);
    EXPECT_TRUE(contains(message, "work before it has failed")) << message;
    EXPECT_TRUE(contains(message, "exponentiate")) << message;
    EXPECT_TRUE(contains(message, cudaGetErrorString(error))) << message;
    EXPECT_FALSE(contains(message, "no way to start")) << message;
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  }
  launch();
  stream.finish();
}

TEST(LaunchFailures, OfTheKernelsOwn) {
  CudaStream stream;
  const std::int64_t more_blocks_than_a_grid_has = std::int64_t{1} << 39U;
  const std::string message =
      message_of([&] { kernels::cuda::exponentiate(nullptr, more_blocks_than_a_grid_has, nullptr, stream.get()); });
  EXPECT_TRUE(contains(message, "no way to start the kernel exponentiate (invalid configuration")) << message;
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

}  // namespace
}  // namespace alignment::dejavid
