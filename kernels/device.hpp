#pragma once

#include <cstdint>

#include "kernels/tensors.hpp"

struct CUstream_st;

/// What the CUDA kernels share. Their pointers are to GPU memory unless said otherwise, aligned as the CUDA allocator
/// aligns (256 bytes). Every call only enqueues on `stream` and allocates nothing; arrays, workspaces included, must
/// stay until the stream has passed it. Extents are the host's. A failed launch throws LaunchFailure.
namespace alignment::kernels::cuda {

using Stream = ::CUstream_st*;

/// How features lie in GPU memory.
enum class FeatureType : std::uint8_t { kFloat32, kFloat16 };

/// Numbers between one row of features and the next: whole 16-byte pieces of either type.
[[nodiscard]] constexpr std::int64_t feature_stride(std::int64_t feature_dim) {
  return (feature_dim + 7) / 8 * 8;
}

[[nodiscard]] constexpr std::int64_t feature_bytes(FeatureType type) {
  return type == FeatureType::kFloat32 ? 4 : 2;
}

/// B ragged samples, anywhere in one array of rows: sample b is rows first_rows[b] .. first_rows[b] + T_b. A row is
/// feature_stride(F) numbers, zero from F on. The columns of a batch are numbered through: sample b has the columns
/// offsets[b] .. offsets[b+1].
struct Samples {
  const void* features = nullptr;  ///< rows of `type`
  FeatureType type = FeatureType::kFloat32;
  const std::int64_t* first_rows = nullptr;  ///< [B]
  const std::int32_t* offsets = nullptr;     ///< [B+1], offsets[0] = 0
  std::int64_t count = 0;                    ///< B
  std::int64_t total_steps = 0;              ///< offsets[B]
  std::int64_t longest = 0;                  ///< largest T
  std::int64_t feature_dim = 0;              ///< F
};

/// Copies plain rows [count,F] of `type` into an array of rows as Samples describes it, from row `first_row` on, and
/// pads them with zeros.
void place_features(const void* rows, std::int64_t count, std::int64_t feature_dim, void* features, FeatureType type,
                    std::int64_t first_row, Stream stream);

/// weights[n] = exp(log_weights[n]).
void exponentiate(const float* log_weights, std::int64_t count, float* weights, Stream stream);

}  // namespace alignment::kernels::cuda
