#include "kernels/along_path.hpp"

#include <omp.h>

#include <algorithm>

namespace dejavid::kernels::cpu {
namespace {

constexpr std::int64_t kSamplesPerTask =
    16;  ///< samples that share one slice of the parameters while it is in the cache
constexpr std::int64_t kClassesPerTask =
    16;  ///< classes whose slice of the parameters stays in the cache with the samples'

std::int64_t divide_up(std::int64_t amount, std::int64_t part) {
  return (amount + part - 1) / part;
}

/// The largest number of cells (K+T-1 a path, fewer with diagonal steps) that `count` consecutive samples have together
/// on their paths to one class.
std::int64_t most_cells(const BlockedParameters& parameters, const BlockedSamples& samples, std::int64_t count) {
  std::int64_t most = 0;
  for (std::int64_t b = 0; b < samples.count; b += count) {
    const std::int64_t last = std::min(b + count, samples.count);
    most = std::max(most, samples.offsets[last] - samples.offsets[b] + (last - b) * (parameters.steps - 1));
  }
  return most;
}

std::int64_t samples_per_task(const BlockedSamples& samples, int threads) {
  return std::clamp(divide_up(samples.count, 4 * threads), std::int64_t{1}, kSamplesPerTask);
}

struct DistanceArrays {
  PathCell* cells;       ///< the paths of a task's samples to all classes, one after the other
  std::int64_t* starts;  ///< [samples of a task * C + 1] where each path begins
};

DistanceArrays carve_distance(Workspace& workspace, const BlockedParameters& parameters, const BlockedSamples& samples,
                              std::int64_t per_task) {
  return {workspace.request<PathCell>(parameters.classes * most_cells(parameters, samples, per_task)),
          workspace.request<std::int64_t>(parameters.classes * per_task + 1)};
}

/// Lists the cells of one path in order; returns how many.
std::int64_t list_cells(const std::int32_t* breakpoints, std::int64_t steps, std::int64_t length, PathCell* cells) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto [first, last] = row_columns(breakpoints, i, steps, length);
    for (std::int64_t j = first; j <= last; ++j) {
      cells[count++] = {static_cast<std::int32_t>(i), static_cast<std::int32_t>(j)};
    }
  }
  return count;
}

struct GradientArrays {
  GradientCell* cells;     ///< [classes of a task, cells of a group]
  std::int64_t* row_ends;  ///< [classes of a task, K]
};

GradientArrays carve_gradient(Workspace& workspace, const BlockedParameters& parameters, std::int64_t group_cells) {
  const std::int64_t classes = std::min(kClassesPerTask, parameters.classes);
  return {workspace.request<GradientCell>(classes * group_cells),
          workspace.request<std::int64_t>(classes * parameters.steps)};
}

/// Lists, centroid step by centroid step, the cells that a group of samples has on its paths to class c.
void list_group_cells(const std::int64_t* offsets, std::int64_t members, const std::int32_t* breakpoints,
                      std::int64_t path_stride, const float* distance_gradient, std::int64_t gradient_stride,
                      std::int64_t steps, GradientCell* cells, std::int64_t* row_ends) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t b = 0; b < members; ++b) {
      const auto [first, last] = row_columns(breakpoints + b * path_stride, i, steps, offsets[b + 1] - offsets[b]);
      const std::int64_t begin = offsets[b] - offsets[0];
      for (std::int64_t j = first; j <= last; ++j) {
        cells[count++] = {static_cast<std::int32_t>(begin + j), distance_gradient[b * gradient_stride]};
      }
    }
    row_ends[i] = count;
  }
}

std::size_t distance_bytes(const BlockedParameters& parameters, const BlockedSamples& samples, std::int64_t per_task) {
  Workspace sizing(nullptr);
  carve_distance(sizing, parameters, samples, per_task);
  return sizing.required_bytes();
}

std::size_t gradient_bytes(const BlockedParameters& parameters, std::int64_t group_cells) {
  Workspace sizing(nullptr);
  carve_gradient(sizing, parameters, group_cells);
  return sizing.required_bytes();
}

}  // namespace

std::size_t distances_workspace_bytes(const BlockedParameters& parameters, const BlockedSamples& samples, int threads) {
  return static_cast<std::size_t>(threads) * distance_bytes(parameters, samples, samples_per_task(samples, threads));
}

void distances_along_paths(const BlockedParameters& parameters, const BlockedSamples& samples,
                           const std::int32_t* breakpoints, double* distances, std::byte* workspace, int threads,
                           const Variant& variant) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const std::int64_t per_task = samples_per_task(samples, threads);
  const std::size_t bytes = distance_bytes(parameters, samples, per_task);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (std::int64_t task = 0; task < divide_up(samples.count, per_task); ++task) {
    Workspace arena(workspace + static_cast<std::size_t>(omp_get_thread_num()) * bytes);
    const auto [cells, starts] = carve_distance(arena, parameters, samples, per_task);
    const std::int64_t first = task * per_task, last = std::min(first + per_task, samples.count);
    starts[0] = 0;
    for (std::int64_t b = first; b < last; ++b) {
      for (std::int64_t c = 0; c < classes; ++c) {
        std::int64_t* const start = starts + (b - first) * classes + c;
        start[1] = start[0] + list_cells(breakpoints + (b * classes + c) * (steps - 1), steps, samples.length(b),
                                         cells + start[0]);
      }
    }
    std::fill(distances + first * classes, distances + last * classes, 0.0);
    for (std::int64_t f = 0; f < feature_dim; f += kBlockFeatures) {
      const std::int64_t width = block_width(feature_dim, f);
      for (std::int64_t first_class = 0; first_class < classes; first_class += kClassesPerTask) {
        const std::int64_t last_class = std::min(first_class + kClassesPerTask, classes);
        for (std::int64_t b = first; b < last; ++b) {
          for (std::int64_t c = first_class; c < last_class; ++c) {
            const std::int64_t row = block_offset(parameters.rows(), feature_dim, f, c * steps);
            const std::int64_t* const start = starts + (b - first) * classes + c;
            distances[b * classes + c] +=
                variant.path_distance(parameters.centroids + row, parameters.weights + row, samples.block(b, f), width,
                                      cells + start[0], start[1] - start[0]);
          }
        }
      }
    }
  }
}

std::size_t gradient_workspace_bytes(const BlockedParameters& parameters, const BlockedSamples& samples,
                                     std::int64_t group, int threads) {
  return static_cast<std::size_t>(threads) * gradient_bytes(parameters, most_cells(parameters, samples, group));
}

void gradient_along_paths(const BlockedParameters& parameters, const BlockedSamples& samples,
                          const std::int32_t* breakpoints, const float* distance_gradient, TieSign tie_sign,
                          std::int64_t group, double* slope_sum, double* magnitude_sum, std::byte* workspace,
                          int threads, const Variant& variant) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const std::int64_t path_stride = classes * (steps - 1);
  const std::int64_t group_cells = most_cells(parameters, samples, group);
  const std::size_t bytes = gradient_bytes(parameters, group_cells);

  // A task owns some features of some classes and adds up all samples in order: no two tasks write the same sum.
  const std::int64_t class_blocks = divide_up(classes, kClassesPerTask);
  const std::int64_t blocks = divide_up(feature_dim, kBlockFeatures);
  const std::int64_t blocks_per_task = std::max(std::int64_t{1}, blocks * class_blocks / (4 * threads));
  const std::int64_t feature_parts = divide_up(blocks, blocks_per_task);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (std::int64_t task = 0; task < class_blocks * feature_parts; ++task) {
    Workspace arena(workspace + static_cast<std::size_t>(omp_get_thread_num()) * bytes);
    const auto [cells, row_ends] = carve_gradient(arena, parameters, group_cells);
    const std::int64_t first_class = task % class_blocks * kClassesPerTask;
    const std::int64_t task_classes = std::min(kClassesPerTask, classes - first_class);
    const std::int64_t first_feature = task / class_blocks * blocks_per_task * kBlockFeatures;
    const std::int64_t last_feature = std::min(first_feature + blocks_per_task * kBlockFeatures, feature_dim);

    for (std::int64_t b = 0; b < samples.count; b += group) {
      const std::int64_t members = std::min(group, samples.count - b);
      for (std::int64_t k = 0; k < task_classes; ++k) {
        list_group_cells(samples.offsets + b, members, breakpoints + b * path_stride + (first_class + k) * (steps - 1),
                         path_stride, distance_gradient + b * classes + first_class + k, classes, steps,
                         cells + k * group_cells, row_ends + k * steps);
      }
      for (std::int64_t f = first_feature; f < last_feature; f += kBlockFeatures) {
        for (std::int64_t k = 0; k < task_classes; ++k) {
          const std::int64_t row = block_offset(parameters.rows(), feature_dim, f, (first_class + k) * steps);
          variant.path_gradient(parameters.centroids + row, samples.block(b, f), block_width(feature_dim, f),
                                cells + k * group_cells, row_ends + k * steps, steps, tie_sign, slope_sum + row,
                                magnitude_sum + row);
        }
      }
    }
  }
}

}  // namespace dejavid::kernels::cpu
