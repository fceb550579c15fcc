#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace alignment::kernels {

/// B ragged matrices: matrix b is [rows[b], columns[b]], row-major from values + offsets[b]. Every extent is at least
/// 1.
template <typename Real>
struct MatricesView {
  const Real* values = nullptr;
  const std::int64_t* offsets = nullptr;  ///< [B]
  const std::int64_t* rows = nullptr;     ///< [B] n
  const std::int64_t* columns = nullptr;  ///< [B] m
  std::int64_t count = 0;                 ///< B
};

/// One step of a path: frame `row` of one video goes with frame `column` of the other.
struct PathCell {
  std::int32_t row = 0, column = 0;
};

namespace cuda {
/// The same in GPU memory, `matrices` and its arrays. Extents are the host's.
template <typename Real>
struct Matrices {
  MatricesView<Real> matrices;
  std::int64_t span = 0;      ///< numbers from matrices.values to the end of the last matrix
  std::int64_t diagonal = 0;  ///< largest min(n, m)
};

/// `device` with what `host`, its copy in the host's memory (whose values are not read), says of the extents.
template <typename Real>
[[nodiscard]] Matrices<Real> with_extents(const MatricesView<Real>& device, const MatricesView<Real>& host) {
  Matrices<Real> result{device};
  for (std::int64_t b = 0; b < host.count; ++b) {
    result.span = std::max(result.span, host.offsets[b] + host.rows[b] * host.columns[b]);
    result.diagonal = std::max(result.diagonal, std::min(host.rows[b], host.columns[b]));
  }
  return result;
}
}  // namespace cuda

}  // namespace alignment::kernels
