#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alignment::io {

/// One sample's features as a file gave them: [T,F], row-major.
struct FeatureMatrix {
  std::int64_t steps = 0, feature_dim = 0;
  std::vector<float> values;
  std::vector<std::string> headings = {};  ///< [F] what the file calls its columns; empty where it does not
};

}  // namespace alignment::io
