#include "kernels/soft_dtw.hpp"

#include <algorithm>

#include "kernels/cpu/table_rows.hpp"
#include "kernels/parallel.hpp"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {
namespace {

/// Of a thread.
template <typename Real>
std::size_t matrix_bytes(const MatricesView<Real>& matrices, bool alignments) {
  std::size_t most = 0;
  for (std::int64_t b = 0; b < matrices.count; ++b) {
    const std::int64_t rows = matrices.rows[b], columns = matrices.columns[b];
    Workspace sizing(nullptr);
    sizing.request<double>(block_count(rows, columns));
    sizing.request<double>(kRollingRows * table_row(rows, columns));
    if (alignments) {
      sizing.request<double>(table_count(rows, columns));
      sizing.request<double>(table_row(rows, columns));
    }
    most = std::max(most, sizing.required_bytes());
  }
  return most;
}

}  // namespace

template <typename Real>
std::size_t soft_dtw_workspace_bytes(const MatricesView<Real>& matrices, bool alignments, int threads) {
  return static_cast<std::size_t>(threads) * matrix_bytes(matrices, alignments);
}

template <typename Real>
void soft_dtw(const MatricesView<Real>& distances, double gamma, double* values, Real* alignments, std::byte* workspace,
              int threads, const AlignmentVariant& variant) {
  const std::size_t bytes = matrix_bytes(distances, alignments != nullptr);
  parallel_for(threads, distances.count, 1, [&](std::int64_t b, int thread) {
    const std::int64_t offset = distances.offsets[b];
    variant.loops<Real>().soft_dtw(distances.values + offset, distances.rows[b], distances.columns[b], gamma,
                                   values + b, alignments == nullptr ? nullptr : alignments + offset,
                                   workspace + static_cast<std::size_t>(thread) * bytes);
  });
}

template std::size_t soft_dtw_workspace_bytes(const MatricesView<float>&, bool, int);
template std::size_t soft_dtw_workspace_bytes(const MatricesView<double>&, bool, int);
template void soft_dtw(const MatricesView<float>&, double, double*, float*, std::byte*, int, const AlignmentVariant&);
template void soft_dtw(const MatricesView<double>&, double, double*, double*, std::byte*, int, const AlignmentVariant&);

}  // namespace alignment::kernels::cpu
