#include "kernels/dtw.hpp"

#include <algorithm>

#include "kernels/cpu/table_rows.hpp"
#include "kernels/parallel.hpp"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {

std::size_t dtw_path_workspace_bytes(std::int64_t rows, std::int64_t columns) {
  Workspace sizing(nullptr);
  sizing.request<double>(3 * table_row(rows, columns));
  sizing.request<double>(block_count(rows, columns));
  sizing.request<std::int8_t>(step_count(rows, columns));
  return sizing.required_bytes();
}

template <typename Real>
std::int64_t dtw_path(const Real* distances, std::int64_t rows, std::int64_t columns, PathCell* path, double* cost,
                      std::byte* workspace, const AlignmentVariant& variant) {
  return variant.loops<Real>().dtw(distances, rows, columns, path, cost, workspace);
}

template <typename Real>
std::size_t dtw_paths_workspace_bytes(const MatricesView<Real>& matrices, int threads) {
  std::size_t most = 0;
  for (std::int64_t b = 0; b < matrices.count; ++b) {
    most = std::max(most, dtw_path_workspace_bytes(matrices.rows[b], matrices.columns[b]));
  }
  Workspace sizing(nullptr);
  sizing.request<std::int64_t>(matrices.count);
  return sizing.required_bytes() + static_cast<std::size_t>(threads) * most;
}

template <typename Real>
void dtw_paths(const MatricesView<Real>& matrices, PathCell* cells, std::int64_t* lengths, double* costs,
               std::byte* workspace, int threads, const AlignmentVariant& variant) {
  Workspace arena(workspace);
  auto* const first_cells = arena.request<std::int64_t>(matrices.count);
  std::size_t bytes = 0;  // of a thread
  for (std::int64_t b = 0, first = 0; b < matrices.count; ++b) {
    first_cells[b] = first;
    first += matrices.rows[b] + matrices.columns[b] - 1;
    bytes = std::max(bytes, dtw_path_workspace_bytes(matrices.rows[b], matrices.columns[b]));
  }
  std::byte* const of_threads = workspace + arena.required_bytes();
  parallel_for(threads, matrices.count, 1, [&](std::int64_t b, int thread) {
    lengths[b] = dtw_path(matrices.values + matrices.offsets[b], matrices.rows[b], matrices.columns[b],
                          cells + first_cells[b], costs == nullptr ? nullptr : costs + b,
                          of_threads + static_cast<std::size_t>(thread) * bytes, variant);
  });
}

template std::int64_t dtw_path(const float*, std::int64_t, std::int64_t, PathCell*, double*, std::byte*,
                               const AlignmentVariant&);
template std::int64_t dtw_path(const double*, std::int64_t, std::int64_t, PathCell*, double*, std::byte*,
                               const AlignmentVariant&);
template std::size_t dtw_paths_workspace_bytes(const MatricesView<float>&, int);
template std::size_t dtw_paths_workspace_bytes(const MatricesView<double>&, int);
template void dtw_paths(const MatricesView<float>&, PathCell*, std::int64_t*, double*, std::byte*, int,
                        const AlignmentVariant&);
template void dtw_paths(const MatricesView<double>&, PathCell*, std::int64_t*, double*, std::byte*, int,
                        const AlignmentVariant&);

}  // namespace alignment::kernels::cpu
