#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/along_path.hpp"
#include "kernels/cost.hpp"
#include "kernels/device.hpp"
#include "kernels/search_precision.hpp"
#include "kernels/warp.hpp"
#include "tests/kernels/problem.hpp"

/// What the tests of the CUDA kernels share. The same files run on a GPU and, in the preset cpu, on an emulated one.
namespace alignment::kernels::testing {

inline void expect_cuda(cudaError_t error, const char* call) {
  if (error != cudaSuccess) ADD_FAILURE() << call << ": " << cudaGetErrorString(error);
}
#define EXPECT_CUDA(call) ::alignment::kernels::testing::expect_cuda(call, #call)

/// Skips without a GPU. The kernels run on a stream of the test's own.
class OnDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess || count == 0) GTEST_SKIP() << "no GPU: " << cudaGetErrorString(error);
    EXPECT_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  }
  void TearDown() override {
    if (stream_ == nullptr) return;
    EXPECT_CUDA(cudaStreamSynchronize(stream_));
    EXPECT_CUDA(cudaStreamDestroy(stream_));
    EXPECT_CUDA(cudaGetLastError());
  }
  [[nodiscard]] cuda::Stream stream() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// GPU memory, filled with NaN where nothing is uploaded. Reading it waits for the whole device.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(std::int64_t count) : count_(static_cast<std::size_t>(count)) {
    EXPECT_CUDA(cudaMalloc(reinterpret_cast<void**>(&data_), std::max<std::size_t>(bytes(), 1)));
    EXPECT_CUDA(cudaMemset(data_, 0xff, bytes()));
    EXPECT_CUDA(cudaDeviceSynchronize());
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(static_cast<std::int64_t>(values.size())) {
    EXPECT_CUDA(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice));
    EXPECT_CUDA(cudaDeviceSynchronize());  // a copy from pageable memory may return before it is done
  }
  ~DeviceArray() { EXPECT_CUDA(cudaFree(data_)); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return data_; }
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> result(count_);
    EXPECT_CUDA(cudaDeviceSynchronize());
    EXPECT_CUDA(cudaMemcpy(result.data(), data_, bytes(), cudaMemcpyDeviceToHost));
    return result;
  }

 private:
  [[nodiscard]] std::size_t bytes() const { return count_ * sizeof(T); }
  T* data_ = nullptr;
  std::size_t count_;
};

inline constexpr cuda::FeatureType kFeatureTypes[] = {cuda::FeatureType::kFloat32, cuda::FeatureType::kFloat16};

inline const char* name_of(cuda::FeatureType type) {
  return type == cuda::FeatureType::kFloat32 ? "f32" : "f16";
}

/// Features in the type that the kernels are to read, rounded to the nearest.
inline std::vector<std::byte> rows_of(cuda::FeatureType type, const std::vector<float>& values) {
  std::vector<std::byte> rows(values.size() * static_cast<std::size_t>(cuda::feature_bytes(type)));
  for (std::size_t k = 0; k < values.size(); ++k) {
    const __half half = __float2half_rn(values[k]);
    if (type == cuda::FeatureType::kFloat32) {
      std::memcpy(rows.data() + k * sizeof(float), &values[k], sizeof(float));
    } else {
      std::memcpy(rows.data() + k * sizeof(half), &half, sizeof(half));
    }
  }
  return rows;
}

/// Features that f16 holds exactly, so that both types say the same.
inline void round_features(Problem<float>& problem) {
  for (float& value : problem.features()) value = __half2float(__float2half_rn(value));
}

/// Shapes beyond those of the CPU's tests: around a warp, a band of 32 centroid steps, a panel of 64, a tile of 128,
/// and samples longer than any block.
inline const std::vector<Shape>& device_shapes() {
  static const std::vector<Shape> shapes_and_more = [] {
    std::vector<Shape> all = shapes();
    const std::vector<Shape> more{
        {2, 1, 1, {1, 5}},     {3, 33, 5, {40, 33, 7}}, {2, 65, 9, {70, 3}},         {2, 97, 3, {120, 64, 65}},
        {2, 3, 2, {1100, 17}}, {9, 9, 130, {65, 129}},  {65, 2, 31, {64, 63, 1, 5}}, {8, 16, 257, {6, 130}},
    };
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return shapes_and_more;
}

/// A problem in GPU memory: the samples of `of` in any order, apart from each other, NaN between and behind them.
class DeviceProblem {
 public:
  DeviceProblem(const Problem<float>& problem, cuda::FeatureType type, std::int64_t first = 0, std::int64_t count = -1)
      : problem_(problem),
        samples_(problem.samples().slice(first, count < 0 ? problem.samples().count - first : count)),
        centroids_(host(problem.parameters().centroids)),
        weights_(host(problem.parameters().weights)),
        type_(type),
        first_rows_host_(places()),
        first_rows_(first_rows_host_),
        offsets_(relative_offsets()),
        features_(row_count_ * cuda::feature_stride(feature_dim()) * cuda::feature_bytes(type)) {
    for (std::int64_t b = 0; b < samples_.count; ++b) place(b);
    EXPECT_CUDA(cudaDeviceSynchronize());
  }

  [[nodiscard]] ParametersView<float> parameters() {
    const ParametersView<float> host = problem_.parameters();
    return {centroids_.data(), weights_.data(), host.classes, host.steps, host.feature_dim};
  }
  [[nodiscard]] cuda::Samples samples() {
    std::int64_t longest = 0;
    for (std::int64_t b = 0; b < samples_.count; ++b) longest = std::max(longest, samples_.length(b));
    return {features_.data(),       type_,   first_rows_.data(), offsets_.data(), samples_.count,
            samples_.total_steps(), longest, feature_dim()};
  }
  [[nodiscard]] std::int64_t feature_dim() const { return problem_.parameters().feature_dim; }
  [[nodiscard]] const SamplesView<float>& host_samples() const { return samples_; }

 private:
  [[nodiscard]] std::vector<float> host(const float* array) const {
    return {array, array + problem_.parameters().element_count()};
  }
  [[nodiscard]] std::vector<std::int32_t> relative_offsets() const {
    std::vector<std::int32_t> offsets;
    for (std::int64_t b = 0; b <= samples_.count; ++b)
      offsets.push_back(static_cast<std::int32_t>(samples_.offsets[b] - samples_.offsets[0]));
    return offsets;
  }
  /// Every other sample first, then the others, last to first, one row apart.
  std::vector<std::int64_t> places() {
    std::vector<std::int64_t> order, first_rows(static_cast<std::size_t>(samples_.count));
    for (std::int64_t b = 1; b < samples_.count; b += 2) order.push_back(b);
    for (std::int64_t b = (samples_.count - 1) / 2 * 2; b >= 0; b -= 2) order.push_back(b);
    row_count_ = 1;
    for (const std::int64_t b : order) {
      first_rows[static_cast<std::size_t>(b)] = row_count_;
      row_count_ += samples_.length(b) + 1;
    }
    return first_rows;
  }
  void place(std::int64_t b) {
    const float* const rows = samples_.sample(b);
    DeviceArray<std::byte> plain(rows_of(type_, std::vector<float>(rows, rows + samples_.length(b) * feature_dim())));
    cuda::place_features(plain.data(), samples_.length(b), feature_dim(), features_.data(), type_,
                         first_rows_host_[static_cast<std::size_t>(b)], nullptr);
    EXPECT_CUDA(cudaDeviceSynchronize());
  }

  const Problem<float>& problem_;
  SamplesView<float> samples_;
  DeviceArray<float> centroids_, weights_;
  cuda::FeatureType type_;
  std::int64_t row_count_ = 0;
  std::vector<std::int64_t> first_rows_host_;
  DeviceArray<std::int64_t> first_rows_;
  DeviceArray<std::int32_t> offsets_;
  DeviceArray<std::byte> features_;
};

/// Whether `found` are the bits of `expected`, told at the first difference.
template <typename T>
::testing::AssertionResult same_bits(const std::vector<T>& found, const std::vector<T>& expected) {
  if (found.size() != expected.size())
    return ::testing::AssertionFailure() << found.size() << " numbers, expected " << expected.size();
  for (std::size_t k = 0; k < found.size(); ++k) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    if (std::bit_cast<Bits>(found[k]) != std::bit_cast<Bits>(expected[k]))
      return ::testing::AssertionFailure() << "[" << k << "] is " << found[k] << ", expected " << expected[k];
  }
  return ::testing::AssertionSuccess();
}

/// The variants whose arithmetic is the GPU's to the bit: those with fused multiply-add.
template <typename Check>
void for_each_fused_variant(Check&& check) {
  for_each_variant([&](const Variant& variant) {
    if (variant.name != "portable") check(variant);
  });
}

}  // namespace alignment::kernels::testing
