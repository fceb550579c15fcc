#pragma once

#include <algorithm>

#include "io/store/sample_stream.hpp"

namespace alignment::lrprop {

/// Rows of f32, whatever the store holds.
inline constexpr io::SampleLayout kPlainRows{
    [](std::int64_t length, std::int64_t feature_dim) { return length * feature_dim; },
    [](const float* rows, std::int64_t length, std::int64_t feature_dim, float* destination) {
      std::copy_n(rows, length * feature_dim, destination);
    }};

}  // namespace alignment::lrprop
