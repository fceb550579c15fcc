// What stands between a network and the kernels of its device: the GPU's against the CPU's.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "src/gpu/memory.hpp"
#include "src/lrprop/cuda/device.hpp"

namespace alignment::lrprop {
namespace {

constexpr std::int64_t kWidth = 7;

std::vector<float> random_rows(std::int64_t count, std::mt19937& generator) {
  std::normal_distribution<float> normal;
  std::vector<float> rows(static_cast<std::size_t>(count * kWidth));
  for (float& value : rows) value = normal(generator);
  return rows;
}

/// A copy in GPU memory.
class OnGpu {
 public:
  explicit OnGpu(const std::vector<float>& values) : count_(values.size()) {
    check_cuda(cudaMemcpy(memory_.reserve(count_), values.data(), count_ * sizeof(float), cudaMemcpyHostToDevice), "");
  }
  [[nodiscard]] float* data() const { return memory_.data(); }
  [[nodiscard]] std::vector<float> values() const {
    std::vector<float> values(count_);
    check_cuda(cudaDeviceSynchronize(), "");
    check_cuda(cudaMemcpy(values.data(), memory_.data(), count_ * sizeof(float), cudaMemcpyDeviceToHost), "");
    return values;
  }

 private:
  std::size_t count_;
  DeviceBuffer<float> memory_;
};

void expect_near(const std::vector<float>& found, const std::vector<float>& expected, float tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t n = 0; n < found.size(); ++n) ASSERT_NEAR(found[n], expected[n], tolerance) << n;
}

TEST(NetworkKernels, MasksOfAGpuAreThoseOfTheCpu) {
  const kernels::DropoutDraw draw{11, 2, 0.3};
  std::vector<float> expected(33);
  make_cpu_network_kernels<float>()->dropout_mask(draw, static_cast<std::int64_t>(expected.size()), expected.data());
  const OnGpu mask(std::vector<float>(expected.size(), -1.0F));
  make_cuda_network_kernels()->dropout_mask(draw, static_cast<std::int64_t>(expected.size()), mask.data());
  EXPECT_EQ(mask.values(), expected);
}

TEST(NetworkKernels, OfAGpuAreThoseOfTheCpu) {
  std::mt19937 generator(5);
  const auto on_gpu = make_cuda_network_kernels();
  const auto on_cpu = make_cpu_network_kernels<float>();
  const std::vector<std::int64_t> rows{13, 1, 40}, columns{9, 6, 33};
  std::vector<std::int64_t> offsets;
  std::vector<float> distances;
  constexpr float kRoundings = 1e-5F;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::vector<float> a = random_rows(rows[n], generator), b = random_rows(columns[n], generator);
    const std::size_t cells = static_cast<std::size_t>(rows[n] * columns[n]);
    std::vector<float> expected(cells);
    on_cpu->distances({a.data(), rows[n], kWidth}, {b.data(), columns[n], kWidth}, expected.data());
    const OnGpu device_a(a), device_b(b), found(std::vector<float>(cells, 0.0F));
    on_gpu->distances({device_a.data(), rows[n], kWidth}, {device_b.data(), columns[n], kWidth}, found.data());
    expect_near(found.values(), expected, kRoundings);

    const std::vector<float> gradient =
        random_rows((static_cast<std::int64_t>(cells) + kWidth - 1) / kWidth, generator);
    std::vector<float> of_a(a.size(), 0.0F), of_b(b.size(), 0.0F);
    on_cpu->gradient({a.data(), rows[n], kWidth}, {b.data(), columns[n], kWidth}, expected.data(), gradient.data(),
                     of_a.data(), of_b.data());
    const OnGpu device_gradient(gradient), found_a(std::vector<float>(a.size(), 0.0F)),
        found_b(std::vector<float>(b.size(), 0.0F));
    on_gpu->gradient({device_a.data(), rows[n], kWidth}, {device_b.data(), columns[n], kWidth}, found.data(),
                     device_gradient.data(), found_a.data(), found_b.data());
    expect_near(found_a.values(), of_a, 10 * kRoundings);
    expect_near(found_b.values(), of_b, 10 * kRoundings);
    offsets.push_back(static_cast<std::int64_t>(distances.size()));
    distances.insert(distances.end(), expected.begin(), expected.end());
  }

  const OnGpu device(distances);
  const auto view = [&](const float* values) {
    return kernels::MatricesView<float>{values, offsets.data(), rows.data(), columns.data(),
                                        static_cast<std::int64_t>(rows.size())};
  };
  std::size_t most = 0;
  for (std::size_t n = 0; n < rows.size(); ++n) most += static_cast<std::size_t>(rows[n] + columns[n] - 1);
  std::vector<kernels::PathCell> cells(most), expected_cells(most);
  std::vector<std::int64_t> lengths(rows.size()), expected_lengths(rows.size());
  for (int pass = 0; pass < 2; ++pass) {  // buffers are kept
    on_gpu->paths(view(device.data()), cells.data(), lengths.data());
    on_cpu->paths(view(distances.data()), expected_cells.data(), expected_lengths.data());
    EXPECT_EQ(lengths, expected_lengths);
    std::size_t first = 0;
    for (std::size_t n = 0; n < rows.size(); ++n) {
      for (std::int64_t k = 0; k < lengths[n]; ++k) {
        const std::size_t at = first + static_cast<std::size_t>(k);
        EXPECT_EQ(cells[at].row, expected_cells[at].row);
        EXPECT_EQ(cells[at].column, expected_cells[at].column);
      }
      first += static_cast<std::size_t>(rows[n] + columns[n] - 1);
    }
    std::vector<double> values(rows.size()), expected_values(rows.size());
    std::vector<float> expected_alignments(distances.size());
    const OnGpu alignments(std::vector<float>(distances.size(), 0.0F));
    on_gpu->soft_dtw(view(device.data()), 0.1, values.data(), alignments.data());
    on_cpu->soft_dtw(view(distances.data()), 0.1, expected_values.data(), expected_alignments.data());
    for (std::size_t n = 0; n < values.size(); ++n) EXPECT_NEAR(values[n], expected_values[n], 1e-9);
    expect_near(alignments.values(), expected_alignments, 1e-6F);
    on_gpu->soft_dtw(view(device.data()), 0.1, values.data(), nullptr);
    for (std::size_t n = 0; n < values.size(); ++n) EXPECT_NEAR(values[n], expected_values[n], 1e-9);
  }
}

}  // namespace
}  // namespace alignment::lrprop
