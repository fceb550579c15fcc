#include "dist/cuda/call.hpp"

#include <gtest/gtest.h>

#include <string>

namespace alignment::dist {
namespace {

TEST(CheckCuda, NamesRankCallAndErrorAndLeavesNoneBehind) {
  const cudaError_t result = cudaSetDevice(1'000);
  ASSERT_NE(result, cudaSuccess);
  std::string message;
  try {
    check_cuda(result, "cudaSetDevice");
  } catch (const CudaError& error) {
    message = error.what();
  }
  EXPECT_EQ(message.find("rank 0 on "), 0U) << message;
  const std::string found =
      std::string(": found the error ") + cudaGetErrorName(result) + " (" + cudaGetErrorString(result) + ")";
  EXPECT_NE(message.find(found + " in cudaSetDevice; expected success; see "), std::string::npos) << message;
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(CheckCuda, TakesSuccessForWhatItIs) {
  EXPECT_NO_THROW(CUDA_CHECK(cudaSetDevice(0)));
  EXPECT_NO_THROW(check_cuda(cudaSuccess, "cudaSetDevice"));
}

}  // namespace
}  // namespace alignment::dist
