#pragma once

#include <cstddef>
#include <functional>

#include "kernels/blocks.hpp"
#include "kernels/variants.hpp"

/// What path searches have in common, whatever their costs are computed from.
namespace alignment::kernels::cpu {

struct PathSearch {
  std::int64_t classes = 0, steps = 0;
  std::int64_t scratch_per_step = 0;  ///< bytes a sample step that `costs` wants, a multiple of Workspace::kAlignment
  /// Writes the costs of samples first .. first + count, as cost_matrices() does. Called by several threads.
  std::function<void(std::int64_t first, std::int64_t count, float* cost, std::byte* scratch)> costs;
};

/// Bytes that run() needs.
[[nodiscard]] std::size_t workspace_bytes(const PathSearch& search, const BlockedSamples& samples, int threads);

/// Costs, dynamic programme and walk back of every sample, in blocks of samples whose costs stay in a core's cache.
void run(const PathSearch& search, const BlockedSamples& samples, bool diagonal, std::int32_t* breakpoints,
         double* distances, std::byte* workspace, int threads, const Variant& variant);

}  // namespace alignment::kernels::cpu
