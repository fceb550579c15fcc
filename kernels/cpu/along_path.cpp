#include "kernels/along_path.hpp"

#include <algorithm>

#include "kernels/parallel.hpp"

namespace alignment::kernels::cpu {
namespace {

constexpr std::int64_t kSamplesPerTask =
    16;                                     ///< samples that share one slice of the parameters while it is in the cache
constexpr std::int64_t kRowsPerTask = 512;  ///< centroid steps whose gradient sums stay in a core's second-level cache
constexpr std::int64_t kTasksPerThread = 16;  ///< enough for threads to end together
constexpr std::int64_t kClassesPerPass =
    2;  ///< classes whose blocks of the parameters stay in the nearest cache while a task's samples pass by
constexpr std::int64_t kSamplesPerRun =
    8;  ///< samples whose block of features stays in a near cache while classes pass by

std::int64_t divide_up(std::int64_t amount, std::int64_t part) {
  return (amount + part - 1) / part;
}

/// No fewer cells (K+T-1 a path, fewer with diagonal steps) than any `count` consecutive samples have together on their
/// paths to one class.
std::int64_t most_cells(const BlockedParameters& parameters, const BlockedSamples& samples, std::int64_t count) {
  std::int64_t most = 0;
  for (std::int64_t b = 0; b < samples.count; ++b) {
    const std::int64_t last = std::min(b + count, samples.count);
    most = std::max(most, samples.offsets[last] - samples.offsets[b] + (last - b) * (parameters.steps - 1));
  }
  return most;
}

std::int64_t samples_per_task(const BlockedSamples& samples, int threads) {
  return std::clamp(divide_up(samples.count, 4 * threads), std::int64_t{1}, kSamplesPerTask);
}

/// Lists the columns of one path's rows, [K].
void list_rows(const std::int32_t* breakpoints, std::int64_t steps, std::int64_t length, PathRow* rows) {
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto [first, last] = row_columns(breakpoints, i, steps, length);
    rows[i] = {static_cast<std::int32_t>(first), static_cast<std::int32_t>(last - first + 1)};
  }
}

/// The cells of all paths, listed once: a run's cells on its paths to one class lie in a row of `cells`.
struct GradientLists {
  GradientCell* cells;     ///< [runs, C, cells of a run]
  std::int64_t* row_ends;  ///< [runs, C, K]
};

/// What one thread holds of a block of features.
struct GradientArrays {
  float* slopes;               ///< sums over a group of samples, [classes of a task, K, kBlockFeatures]
  float* magnitudes;           ///< likewise
  const float** steps_of_run;  ///< [steps of a run]
};

GradientLists carve_lists(Workspace& workspace, const BlockedParameters& parameters, const BlockedSamples& samples,
                          std::int64_t runs) {
  return {workspace.request<GradientCell>(runs * parameters.classes * most_cells(parameters, samples, kSamplesPerRun)),
          workspace.request<std::int64_t>(runs * parameters.classes * parameters.steps)};
}

/// Every task passes over all samples, so few tasks of many classes read the samples less often.
std::int64_t classes_per_task(const BlockedParameters& parameters, int threads) {
  const std::int64_t blocks = divide_up(parameters.feature_dim, kBlockFeatures);
  const std::int64_t most = std::max(kRowsPerTask / parameters.steps, std::int64_t{1});
  return std::min(divide_up(parameters.classes, divide_up(kTasksPerThread * threads, blocks)), most);
}

GradientArrays carve_arrays(Workspace& workspace, const BlockedParameters& parameters, const BlockedSamples& samples,
                            std::int64_t task_classes) {
  const std::int64_t count = task_classes * parameters.steps * kBlockFeatures;
  return {workspace.request<float>(count), workspace.request<float>(count),
          workspace.request<const float*>(most_cells(parameters, samples, kSamplesPerRun))};
}

/// Runs that the samples are cut into: none crosses the end of a group.
std::int64_t run_count(std::int64_t samples, std::int64_t group) {
  return samples / group * divide_up(group, kSamplesPerRun) + divide_up(samples % group, kSamplesPerRun);
}

/// Lists, centroid step by centroid step, the cells that a run of samples has on its paths to class c.
void list_run_cells(const std::int64_t* offsets, std::int64_t members, const std::int32_t* breakpoints,
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

/// Of one task.
std::size_t distance_bytes(const BlockedParameters& parameters, std::int64_t per_task) {
  Workspace sizing(nullptr);
  sizing.request<PathRow>(per_task * parameters.classes * parameters.steps);
  return sizing.required_bytes();
}

std::size_t gradient_array_bytes(const BlockedParameters& parameters, const BlockedSamples& samples,
                                 std::int64_t task_classes) {
  Workspace sizing(nullptr);
  carve_arrays(sizing, parameters, samples, task_classes);
  return sizing.required_bytes();
}

/// Where each step of samples first .. end begins in the block at `first_feature`.
void list_steps(const BlockedSamples& samples, std::int64_t first, std::int64_t end, std::int64_t first_feature,
                const float** steps) {
  const std::int64_t width = block_width(samples.feature_dim, first_feature);
  for (std::int64_t b = first; b < end; ++b) {
    const float* step = samples.block(b, first_feature);
    for (std::int64_t j = 0; j < samples.length(b); ++j, step += width) *steps++ = step;
  }
}

}  // namespace

std::size_t distances_workspace_bytes(const BlockedParameters& parameters, const BlockedSamples& samples, int threads) {
  return static_cast<std::size_t>(threads) * distance_bytes(parameters, samples_per_task(samples, threads));
}

void distances_along_paths(const BlockedParameters& parameters, const BlockedSamples& samples,
                           const std::int32_t* breakpoints, double* distances, std::byte* workspace, int threads,
                           const Variant& variant) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const std::int64_t per_task = samples_per_task(samples, threads);
  const std::size_t bytes = distance_bytes(parameters, per_task);
  parallel_for(threads, divide_up(samples.count, per_task), 1, [&](std::int64_t task, int thread) {
    Workspace arena(workspace + static_cast<std::size_t>(thread) * bytes);
    PathRow* const rows = arena.request<PathRow>(per_task * classes * steps);
    const std::int64_t first = task * per_task, last = std::min(first + per_task, samples.count);
    for (std::int64_t path = first * classes; path < last * classes; ++path) {
      list_rows(breakpoints + path * (steps - 1), steps, samples.length(path / classes),
                rows + (path - first * classes) * steps);
    }
    std::fill(distances + first * classes, distances + last * classes, 0.0);
    for (std::int64_t f = 0; f < feature_dim;) {
      const std::int64_t whole_blocks = (padded_features(feature_dim) - f) / kBlockFeatures;
      PathBlocks blocks{block_width(feature_dim, f), std::clamp(whole_blocks, std::int64_t{1}, kMostPathBlocks),
                        parameters.rows() * kBlockFeatures};
      for (std::int64_t first_class = 0; first_class < classes; first_class += kClassesPerPass) {
        const std::int64_t last_class = std::min(first_class + kClassesPerPass, classes);
        for (std::int64_t b = first; b < last; ++b) {
          blocks.next_sample = samples.length(b) * kBlockFeatures;
          for (std::int64_t c = first_class; c < last_class; ++c) {
            const std::int64_t row = block_offset(parameters.rows(), feature_dim, f, c * steps);
            distances[b * classes + c] +=
                variant.path_distance(parameters.centroids + row, parameters.weights + row, samples.block(b, f), blocks,
                                      rows + ((b - first) * classes + c) * steps, steps);
          }
        }
      }
      f += blocks.count * kBlockFeatures;
    }
  });
}

std::size_t gradient_workspace_bytes(const BlockedParameters& parameters, const BlockedSamples& samples,
                                     std::int64_t group, int threads) {
  Workspace sizing(nullptr);
  carve_lists(sizing, parameters, samples, run_count(samples.count, group));
  return sizing.required_bytes() + static_cast<std::size_t>(threads) *
                                       gradient_array_bytes(parameters, samples, classes_per_task(parameters, threads));
}

void gradient_along_paths(const BlockedParameters& parameters, const BlockedSamples& samples,
                          const std::int32_t* breakpoints, const float* distance_gradient, TieSign tie_sign,
                          std::int64_t group, double* slope_sum, double* magnitude_sum, std::byte* workspace,
                          int threads, const Variant& variant) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const std::int64_t path_stride = classes * (steps - 1), run_cells = most_cells(parameters, samples, kSamplesPerRun);
  const std::int64_t runs = run_count(samples.count, group), runs_per_group = divide_up(group, kSamplesPerRun);
  const auto first_of_run = [&](std::int64_t run) {
    return run / runs_per_group * group + run % runs_per_group * kSamplesPerRun;
  };
  const auto end_of_run = [&](std::int64_t run) {
    const std::int64_t first = first_of_run(run);
    return std::min({first + kSamplesPerRun, (first / group + 1) * group, samples.count});
  };
  Workspace arena(workspace);
  const GradientLists lists = carve_lists(arena, parameters, samples, runs);
  std::byte* const thread_workspace = workspace + arena.required_bytes();

  const std::int64_t per_task = classes_per_task(parameters, threads);
  const std::int64_t class_blocks = divide_up(classes, per_task);
  const std::int64_t blocks = divide_up(feature_dim, kBlockFeatures);
  const std::size_t array_bytes = gradient_array_bytes(parameters, samples, per_task);
  parallel_for(threads, runs, 1, [&](std::int64_t run, int) {
    const std::int64_t first = first_of_run(run), end = end_of_run(run);
    for (std::int64_t c = 0; c < classes; ++c) {
      const std::int64_t slot = run * classes + c;
      list_run_cells(samples.offsets + first, end - first, breakpoints + first * path_stride + c * (steps - 1),
                     path_stride, distance_gradient + first * classes + c, classes, steps,
                     lists.cells + slot * run_cells, lists.row_ends + slot * steps);
    }
  });

  // A task owns a block of the features of some classes and adds up all samples in order: no two tasks write the same
  // sum, and the task's sums stay in a near cache.
  parallel_for(threads, class_blocks * blocks, 1, [&](std::int64_t task, int thread) {
    Workspace own(thread_workspace + static_cast<std::size_t>(thread) * array_bytes);
    const GradientArrays arrays = carve_arrays(own, parameters, samples, per_task);
    const std::int64_t first_class = task % class_blocks * per_task, f = task / class_blocks * kBlockFeatures;
    const std::int64_t task_classes = std::min(per_task, classes - first_class);
    const std::int64_t width = block_width(feature_dim, f), per_class = steps * width;
    const std::int64_t row = block_offset(parameters.rows(), feature_dim, f, first_class * steps);
    for (std::int64_t group_run = 0; group_run < runs; group_run += runs_per_group) {
      std::fill_n(arrays.slopes, task_classes * per_class, 0.0F);
      std::fill_n(arrays.magnitudes, task_classes * per_class, 0.0F);
      for (std::int64_t run = group_run; run < std::min(group_run + runs_per_group, runs); ++run) {
        list_steps(samples, first_of_run(run), end_of_run(run), f, arrays.steps_of_run);
        for (std::int64_t k = 0; k < task_classes; ++k) {
          const std::int64_t slot = run * classes + first_class + k;
          variant.path_gradient(parameters.centroids + row + k * per_class, arrays.steps_of_run, width,
                                lists.cells + slot * run_cells, lists.row_ends + slot * steps, steps, tie_sign,
                                arrays.slopes + k * per_class, arrays.magnitudes + k * per_class);
        }
      }
      variant.add_wide(arrays.slopes, task_classes * per_class, slope_sum + row);
      variant.add_wide(arrays.magnitudes, task_classes * per_class, magnitude_sum + row);
    }
  });
}

template <typename Real>
void feature_gradient_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                                  const std::int32_t* breakpoints, const Real* distance_gradient,
                                  Real* feature_gradient, int threads) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  parallel_for(threads, samples.count, 1, [&](std::int64_t b, int) {
    const std::int64_t length = samples.length(b);
    Real* const sums = feature_gradient + (samples.offsets[b] - samples.offsets[0]) * feature_dim;
    std::fill_n(sums, length * feature_dim, Real{0});
    for (std::int64_t c = 0; c < classes; ++c) {
      const Real gradient = distance_gradient[b * classes + c];
      for (std::int64_t i = 0; i < steps; ++i) {
        const Real* const centroid = parameters.centroids + (c * steps + i) * feature_dim;
        const Real* const weights = parameters.weights + (c * steps + i) * feature_dim;
        const auto [first, last] = row_columns(breakpoints + (b * classes + c) * (steps - 1), i, steps, length);
        for (std::int64_t j = first; j <= last; ++j) {
          const Real* const m = samples.sample(b) + j * feature_dim;
          Real* const sum = sums + j * feature_dim;
          for (std::int64_t f = 0; f < feature_dim; ++f) {
            const Real sign = static_cast<Real>(m[f] > centroid[f]) - static_cast<Real>(m[f] < centroid[f]);
            sum[f] += gradient * weights[f] * sign;
          }
        }
      }
    }
  });
}

template void feature_gradient_along_paths(const ParametersView<float>&, const SamplesView<float>&, const std::int32_t*,
                                           const float*, float*, int);
template void feature_gradient_along_paths(const ParametersView<double>&, const SamplesView<double>&,
                                           const std::int32_t*, const double*, double*, int);

}  // namespace alignment::kernels::cpu
