#pragma once

#include <cstdint>

#include "io/formats/feature_matrix.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

/// What every reader of features promises of a matrix. Throws BrokenPromise.
inline void require_shape(const io::FeatureMatrix& matrix) {
  if (matrix.steps < 1 || matrix.feature_dim < 1 ||
      static_cast<std::uint64_t>(matrix.steps * matrix.feature_dim) != matrix.values.size())
    throw BrokenPromise("a matrix whose shape is not that of its values");
}

}  // namespace alignment::fuzz
