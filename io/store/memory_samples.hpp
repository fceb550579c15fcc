#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment::io {

/// Samples [T,F] that lie in memory, all of the train split. Their rows must outlive the store that is made of them.
struct MemorySamples {
  std::string name;  ///< what messages call all of them: "X"; sample 3 is then "X[3]"
  std::int64_t feature_dim = 0;
  std::vector<const float*> rows;        ///< [N] each [T,F]
  std::vector<std::int64_t> lengths;     ///< [N] T, at least 1
  std::vector<std::int32_t> labels;      ///< [N] 0..C-1, or kNoLabel
  std::vector<std::string> class_names;  ///< [C] every name once
};

/// A store of them. Throws std::invalid_argument where sizes do not fit.
[[nodiscard]] TseStore store_of(MemorySamples samples);

}  // namespace alignment::io
