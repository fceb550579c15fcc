#include "kernels/cpu/path_search.hpp"

#include <algorithm>
#include <vector>

#include "kernels/cost.hpp"
#include "kernels/parallel.hpp"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {
namespace {

/// Cost rows computed at a time: large enough to fill the tiles, small enough to stay in a core's second-level cache.
constexpr std::int64_t kBlockElements = 256 * 1024;

/// What one thread works in.
struct ThreadArrays {
  float* cost;
  float* state;
  std::int8_t* decisions;
  std::byte* scratch;
};

struct Blocking {
  std::int64_t longest = 0;      ///< steps of the longest sample
  std::int64_t block_steps = 0;  ///< steps that a block of samples may have together
};

Blocking block_samples(const PathSearch& search, const BlockedSamples& samples) {
  Blocking blocking;
  for (std::int64_t b = 0; b < samples.count; ++b) blocking.longest = std::max(blocking.longest, samples.length(b));
  const std::int64_t stride = cost_stride(search.classes, search.steps);
  blocking.block_steps = std::max(blocking.longest, kBlockElements / stride);
  return blocking;
}

ThreadArrays carve(Workspace& workspace, const PathSearch& search, const Blocking& blocking) {
  const std::int64_t padded_classes = (search.classes + kPanelRows - 1) / kPanelRows * kPanelRows;
  return {workspace.request<float>(blocking.block_steps * cost_stride(search.classes, search.steps)),
          workspace.request<float>(blocking.longest * padded_classes),
          workspace.request<std::int8_t>(search.steps * blocking.longest * padded_classes),
          workspace.request<std::byte>(blocking.block_steps * search.scratch_per_step)};
}

std::size_t thread_bytes(const PathSearch& search, const Blocking& blocking) {
  Workspace sizing(nullptr);
  carve(sizing, search, blocking);
  return sizing.required_bytes();
}

}  // namespace

std::size_t workspace_bytes(const PathSearch& search, const BlockedSamples& samples, int threads) {
  return static_cast<std::size_t>(threads) * thread_bytes(search, block_samples(search, samples));
}

void run(const PathSearch& search, const BlockedSamples& samples, bool diagonal, std::int32_t* breakpoints,
         double* distances, std::byte* workspace, int threads, const Variant& variant) {
  const Blocking blocking = block_samples(search, samples);
  const std::size_t bytes = thread_bytes(search, blocking);
  const std::int64_t stride = cost_stride(search.classes, search.steps);
  // Threads share the samples in runs that fill at most one block and leave every thread several runs.
  const std::int64_t run_steps =
      std::clamp(samples.total_steps() / (4 * threads), std::int64_t{1}, blocking.block_steps);
  std::vector<std::int64_t> ends;  // of runs
  for (std::int64_t first = 0; first < samples.count; first = ends.back()) {
    std::int64_t last = first + 1;
    while (last < samples.count && samples.offsets[last + 1] - samples.offsets[first] <= run_steps) ++last;
    ends.push_back(last);
  }
  parallel_for(threads, static_cast<std::int64_t>(ends.size()), 1, [&](std::int64_t run, int thread) {
    Workspace arena(workspace + static_cast<std::size_t>(thread) * bytes);
    const ThreadArrays arrays = carve(arena, search, blocking);
    const std::int64_t first = run == 0 ? 0 : ends[static_cast<std::size_t>(run - 1)];
    const std::int64_t last = ends[static_cast<std::size_t>(run)];
    search.costs(first, last - first, arrays.cost, arrays.scratch);
    for (std::int64_t b = first; b < last; ++b) {
      variant.warp(arrays.cost + (samples.offsets[b] - samples.offsets[first]) * stride, stride, search.classes,
                   search.steps, samples.length(b), diagonal, breakpoints + b * search.classes * (search.steps - 1),
                   distances == nullptr ? nullptr : distances + b * search.classes, arrays.state, arrays.decisions);
    }
  });
}

}  // namespace alignment::kernels::cpu
