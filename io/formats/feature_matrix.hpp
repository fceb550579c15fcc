#pragma once

#include <cstdint>
#include <vector>

namespace alignment::io {

/// One sample's features as a file gave them: [T,F], row-major.
struct FeatureMatrix {
  std::int64_t steps = 0, feature_dim = 0;
  std::vector<float> values;
};

}  // namespace alignment::io
