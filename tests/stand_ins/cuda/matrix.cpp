#include "matrix.hpp"

#include <cuda_fp16.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace alignment::cuda_shim {
namespace {

constexpr std::size_t kRows = 16, kColumns = 8, kDepth = 16;

/// The lower half of a register is number 0.
std::uint16_t half_of(unsigned bits, std::size_t number) {
  return static_cast<std::uint16_t>(bits >> 16 * number);
}

}  // namespace

void multiply_add(const std::array<const MultiplyAdd*, kWarpLanes>& lanes) {
  std::array<std::array<double, kDepth>, kRows> a;
  std::array<std::array<double, kDepth>, kColumns> b;
  for (std::size_t lane = 0; lane < kWarpLanes; ++lane) {
    const std::size_t group = lane / 4, pair = lane % 4 * 2;
    for (std::size_t half = 0; half < 2; ++half) {
      for (std::size_t x = 0; x < 4; ++x)
        a[group + x % 2 * 8][pair + half + x / 2 * 8] = half_to_float(half_of(lanes[lane]->a[x], half));
      for (std::size_t x = 0; x < 2; ++x)
        b[group][pair + half + x * 8] = half_to_float(half_of(lanes[lane]->b[x], half));
    }
  }
  for (std::size_t lane = 0; lane < kWarpLanes; ++lane) {
    const std::size_t group = lane / 4, pair = lane % 4 * 2;
    for (std::size_t x = 0; x < 4; ++x) {
      const auto &row = a[group + x / 2 * 8], &column = b[pair + x % 2];
      double sum = lanes[lane]->sum[x];
      for (std::size_t k = 0; k < kDepth; ++k) sum += row[k] * column[k];
      lanes[lane]->sum[x] = std::isnan(sum) ? std::bit_cast<float>(0x7fffffffU) : static_cast<float>(sum);
    }
  }
}

void load_matrices(const std::array<const LoadMatrices*, kWarpLanes>& lanes, bool transposed) {
  for (std::size_t lane = 0; lane < kWarpLanes; ++lane) {
    const std::size_t group = lane / 4, pair = lane % 4;
    for (std::size_t matrix = 0; matrix < 4; ++matrix) {
      const auto element = [&](std::size_t row, std::size_t column) -> unsigned {
        return half_of(lanes[matrix * 8 + row]->row[column / 2], column % 2);
      };
      lanes[lane]->result[matrix] = transposed ? element(2 * pair, group) | element(2 * pair + 1, group) << 16U
                                               : lanes[matrix * 8 + group]->row[pair];
    }
  }
}

}  // namespace alignment::cuda_shim
