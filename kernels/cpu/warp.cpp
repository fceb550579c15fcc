#include "kernels/warp.hpp"

#include "kernels/cpu/path_search.hpp"

namespace alignment::kernels::cpu {

std::size_t search_paths_workspace_bytes(const PackedParameters& parameters, const BlockedSamples& samples,
                                         int threads) {
  return workspace_bytes({parameters.classes, parameters.steps, 0, {}}, samples, threads);
}

void search_paths(const PackedParameters& parameters, const BlockedSamples& samples, bool diagonal,
                  std::int32_t* breakpoints, double* distances, std::byte* workspace, int threads,
                  const Variant& variant) {
  const auto costs = [&](std::int64_t first, std::int64_t count, float* cost, std::byte* /*scratch*/) {
    cost_matrices(parameters, samples, first, count, cost, variant);
  };
  run({parameters.classes, parameters.steps, 0, costs}, samples, diagonal, breakpoints, distances, workspace, threads,
      variant);
}

}  // namespace alignment::kernels::cpu
