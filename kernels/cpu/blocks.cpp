#include "kernels/blocks.hpp"

#include "kernels/parallel.hpp"

namespace alignment::kernels::cpu {

void to_blocks(const float* rows_major, std::int64_t rows, std::int64_t feature_dim, float* blocked, int threads) {
  parallel_for(threads, rows, even_chunk(rows, threads), [&](std::int64_t row, int) {
    const float* const source = rows_major + row * feature_dim;
    for (std::int64_t f = 0; f < feature_dim; f += kBlockFeatures) {
      float* const destination = blocked + block_offset(rows, feature_dim, f, row);
      const std::int64_t filled = std::min(kBlockFeatures, feature_dim - f);
      std::copy(source + f, source + f + filled, destination);
      std::fill(destination + filled, destination + block_width(feature_dim, f), 0.0F);
    }
  });
}

}  // namespace alignment::kernels::cpu
