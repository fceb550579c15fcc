#pragma once

#include <cstdint>

#include "kernels/pairwise.hpp"

namespace alignment::kernels::cpu {

/// Packs up to kGroup rows from `first` on as [width,kGroup] in f64, zero behind the last row. `norms`: [kGroup]
/// squares of the rows, or nullptr.
template <std::int64_t kGroup, typename Real>
void pack_group(const RowsView<Real>& view, std::int64_t first, double* packed, double* norms = nullptr) {
  for (std::int64_t k = 0; k < kGroup; ++k) {
    const bool exists = first + k < view.count;
    double norm = 0;
    for (std::int64_t e = 0; e < view.width; ++e) {
      const double number = exists ? static_cast<double>(view.row(first + k)[e]) : 0;
      packed[e * kGroup + k] = number;
      norm += number * number;
    }
    if (norms != nullptr) norms[k] = norm;
  }
}

}  // namespace alignment::kernels::cpu
