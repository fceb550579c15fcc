#include "kernels/pairwise.hpp"

#include <algorithm>

#include "kernels/parallel.hpp"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {
namespace {

constexpr std::int64_t kRowsPerPart = 16;  ///< rows that one thread takes at a time

std::int64_t divide_up(std::int64_t amount, std::int64_t part) {
  return (amount + part - 1) / part;
}

/// Calls work(first, count) for consecutive rows.
template <typename Work>
void for_rows(std::int64_t rows, int threads, const Work& work) {
  parallel_for(threads, divide_up(rows, kRowsPerPart), 1, [&](std::int64_t part, int) {
    const std::int64_t first = part * kRowsPerPart;
    work(first, std::min(kRowsPerPart, rows - first));
  });
}

/// Columns first .. first + kPairwisePanel as a panel, zero behind the last.
template <typename Real>
void pack_panel(const RowsView<Real>& columns, std::int64_t first, Real* panel) {
  constexpr std::int64_t kPanel = kPairwisePanel<Real>;
  for (std::int64_t k = 0; k < kPanel; ++k) {
    const Real* const row = first + k < columns.count ? columns.row(first + k) : nullptr;
    for (std::int64_t e = 0; e < columns.width; ++e) panel[e * kPanel + k] = row == nullptr ? Real{0} : row[e];
  }
}

/// `loop`: AlignmentLoops' of distances or squares.
template <typename Real, typename Loop>
void compare_all(const RowsView<Real>& a, const RowsView<Real>& b, Real* found, std::byte* workspace, int threads,
                 const Loop& loop) {
  constexpr std::int64_t kPanel = kPairwisePanel<Real>;
  Real* const panels = Workspace(workspace).request<Real>(divide_up(b.count, kPanel) * kPanel * b.width);
  parallel_for(threads, divide_up(b.count, kPanel), 1,
               [&](std::int64_t panel, int) { pack_panel(b, panel * kPanel, panels + panel * kPanel * b.width); });
  for_rows(a.count, threads, [&](std::int64_t first, std::int64_t count) {
    loop(a.row(first), count, panels, b.count, b.width, found + first * b.count);
  });
}

/// Gradients of rows whose differences a(i) - b(j) have the factor `factor(cell)`, cell = i * m + j.
template <typename Real, typename Factor>
void pull_all(const RowsView<Real>& a, const RowsView<Real>& b, Real* a_gradient, Real* b_gradient,
              std::byte* workspace, int threads, const AlignmentLoops<Real>& loops, const Factor& factor) {
  const std::int64_t columns = b.count, width = a.width;
  Real* const factors = Workspace(workspace).request<Real>(a.count * columns);
  for_rows(a.count, threads, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t cell = first * columns; cell < (first + count) * columns; ++cell) factors[cell] = factor(cell);
    for (std::int64_t i = first; i < first + count; ++i) {
      loops.pull(a.row(i), b.rows, columns, width, factors + i * columns, 1, a_gradient + i * width);
    }
  });
  for_rows(columns, threads, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t j = first; j < first + count; ++j) {
      loops.pull(b.row(j), a.rows, a.count, width, factors + j, columns, b_gradient + j * width);
    }
  });
}

}  // namespace

template <typename Real>
std::size_t pairwise_distances_workspace_bytes(std::int64_t columns, std::int64_t width) {
  Workspace sizing(nullptr);
  sizing.request<Real>(divide_up(columns, kPairwisePanel<Real>) * kPairwisePanel<Real> * width);
  return sizing.required_bytes();
}

template <typename Real>
void pairwise_distances(const RowsView<Real>& a, const RowsView<Real>& b, Real* distances, std::byte* workspace,
                        int threads, const AlignmentVariant& variant) {
  compare_all(a, b, distances, workspace, threads, variant.loops<Real>().distances);
}

template <typename Real>
void pairwise_squares(const RowsView<Real>& a, const RowsView<Real>& b, Real* squares, std::byte* workspace,
                      int threads, const AlignmentVariant& variant) {
  compare_all(a, b, squares, workspace, threads, variant.loops<Real>().squares);
}

template <typename Real>
std::size_t pairwise_gradient_workspace_bytes(std::int64_t rows, std::int64_t columns) {
  Workspace sizing(nullptr);
  sizing.request<Real>(rows * columns);
  return sizing.required_bytes();
}

template <typename Real>
void pairwise_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* distances,
                       const Real* distance_gradient, Real* a_gradient, Real* b_gradient, std::byte* workspace,
                       int threads, const AlignmentVariant& variant) {
  const Real smallest = smallest_distance<Real>();
  pull_all(a, b, a_gradient, b_gradient, workspace, threads, variant.loops<Real>(), [&](std::int64_t cell) {
    return distances[cell] <= smallest ? Real{0} : distance_gradient[cell] / distances[cell];
  });
}

template <typename Real>
void pairwise_squares_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* square_gradient,
                               Real* a_gradient, Real* b_gradient, std::byte* workspace, int threads,
                               const AlignmentVariant& variant) {
  pull_all(a, b, a_gradient, b_gradient, workspace, threads, variant.loops<Real>(),
           [&](std::int64_t cell) { return 2 * square_gradient[cell]; });
}

template std::size_t pairwise_distances_workspace_bytes<float>(std::int64_t, std::int64_t);
template std::size_t pairwise_distances_workspace_bytes<double>(std::int64_t, std::int64_t);
template void pairwise_distances(const RowsView<float>&, const RowsView<float>&, float*, std::byte*, int,
                                 const AlignmentVariant&);
template void pairwise_distances(const RowsView<double>&, const RowsView<double>&, double*, std::byte*, int,
                                 const AlignmentVariant&);
template std::size_t pairwise_gradient_workspace_bytes<float>(std::int64_t, std::int64_t);
template std::size_t pairwise_gradient_workspace_bytes<double>(std::int64_t, std::int64_t);
template void pairwise_gradient(const RowsView<float>&, const RowsView<float>&, const float*, const float*, float*,
                                float*, std::byte*, int, const AlignmentVariant&);
template void pairwise_gradient(const RowsView<double>&, const RowsView<double>&, const double*, const double*, double*,
                                double*, std::byte*, int, const AlignmentVariant&);
template void pairwise_squares(const RowsView<float>&, const RowsView<float>&, float*, std::byte*, int,
                               const AlignmentVariant&);
template void pairwise_squares(const RowsView<double>&, const RowsView<double>&, double*, std::byte*, int,
                               const AlignmentVariant&);
template void pairwise_squares_gradient(const RowsView<float>&, const RowsView<float>&, const float*, float*, float*,
                                        std::byte*, int, const AlignmentVariant&);
template void pairwise_squares_gradient(const RowsView<double>&, const RowsView<double>&, const double*, double*,
                                        double*, std::byte*, int, const AlignmentVariant&);

}  // namespace alignment::kernels::cpu
