#pragma once

#include "tests/kernels/alignment_problem.hpp"
#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {

/// A ragged batch in GPU memory, NaN between its matrices.
template <typename Real>
class DeviceMatrices {
 public:
  explicit DeviceMatrices(RaggedMatrices<Real>& matrices)
      : matrices_(matrices),
        values_(matrices.values()),
        offsets_(matrices.offsets()),
        rows_(matrices.rows()),
        columns_(matrices.columns()) {}

  [[nodiscard]] cuda::Matrices<Real> view() {
    const MatricesView<Real> host = matrices_.view();
    return cuda::with_extents<Real>({values_.data(), offsets_.data(), rows_.data(), columns_.data(), host.count}, host);
  }

 private:
  const RaggedMatrices<Real>& matrices_;
  DeviceArray<Real> values_;
  DeviceArray<std::int64_t> offsets_, rows_, columns_;
};

/// Extents for an emulated GPU, which takes its time: lengths around a block's threads, and one whose diagonals do not
/// fit into shared memory.
inline const std::vector<Extent>& device_extents() {
  static const std::vector<Extent> kExtents{{1, 1}, {1, 2}, {2, 1},   {1, 300}, {300, 1}, {2, 2},
                                            {3, 7}, {7, 3}, {31, 33}, {80, 80}, {5, 257}, {256, 9}};
  return kExtents;
}
inline const std::vector<Extent>& long_device_extents() {
  static const std::vector<Extent> kExtents{{900, 880}, {1500, 20}, {20, 1500}};
  return kExtents;
}

}  // namespace alignment::kernels::testing
