#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/blocks.hpp"
#include "kernels/tensors.hpp"

namespace alignment::kernels {

/// The columns (sample steps) of one centroid step on a path.
struct PathRow {
  std::int32_t first, count;
};

/// Blocks of features that are taken at once, at most: a path's turns then cost so many times fewer mispredicted
/// branches.
inline constexpr std::int64_t kMostPathBlocks = 3;

/// One block of features, or some that are taken at once.
struct PathBlocks {
  std::int64_t width = 0;                             ///< features of a row in each block
  std::int64_t count = 1;                             ///< at most kMostPathBlocks
  std::int64_t next_parameters = 0, next_sample = 0;  ///< elements from each block to the next
};

/// One cell's share in a gradient: which step of the run's samples, and dL/d distance of the path that the cell is on.
struct GradientCell {
  std::int32_t step;
  float distance_gradient;
};

/// One instruction set's build of the inner loops. Tests and benchmarks iterate over variants(); what is not in that
/// table does not exist. All are serial; the functions of cost.hpp, warp.hpp and along_path.hpp drive them.
struct Variant {
  std::string_view name;  ///< "avx512", "avx2", "portable"
  bool (*supported)();    ///< by the processor this runs on

  /// Costs of every panel against the steps of samples first_sample .. first_sample + count, one after the other; see
  /// cost.hpp.
  void (*cost)(const float* packed, std::int64_t panels, const BlockedSamples& samples, std::int64_t first_sample,
               std::int64_t count, float* cost, std::int64_t stride);

  /// Dynamic programme and walk back for one sample against all classes; see warp.hpp. `distances` [C] or nullptr.
  /// `state`: T*C' floats, `decisions`: K*T*C' bytes, C' = C rounded up to kPanelRows.
  void (*warp)(const float* cost, std::int64_t stride, std::int64_t classes, std::int64_t steps, std::int64_t length,
               bool diagonal, std::int32_t* breakpoints, double* distances, float* state, std::int8_t* decisions);

  /// Sum over a path's cells and some blocks of features of u*|centroid - m|; `rows` [K]. Arrays are blocks
  /// (see blocks.hpp): centroids and weights [K,width] of one class, sample [T,width].
  double (*path_distance)(const float* centroids, const float* weights, const float* sample, const PathBlocks& blocks,
                          const PathRow* rows, std::int64_t steps);

  /// For every centroid step i of one class and one block of features, over the cells row_ends[i-1] .. row_ends[i]:
  /// slope_sum[i] += g*sign(centroid - m), magnitude_sum[i] += g*|centroid - m|, both [K,width]; a row's cells first.
  /// `steps_of_run`: where each step's `width` features begin.
  void (*path_gradient)(const float* centroids, const float* const* steps_of_run, std::int64_t width,
                        const GradientCell* cells, const std::int64_t* row_ends, std::int64_t steps, TieSign tie_sign,
                        float* slope_sum, float* magnitude_sum);

  /// wide[k] += narrow[k]; count is a multiple of kBlockQuantum.
  void (*add_wide)(const float* narrow, std::int64_t count, double* wide);
};

/// Every variant built into this program, fastest first.
[[nodiscard]] std::span<const Variant> variants();
/// The first that this processor supports.
[[nodiscard]] const Variant& best_variant();

}  // namespace alignment::kernels
