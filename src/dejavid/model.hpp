#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alignment {

/// What is learned: a centroid sequence and the logarithms of its weights for every class.
struct Model {
  std::int64_t classes = 0, steps = 0, feature_dim = 0;  ///< C, K, F
  bool diagonal = false;                                 ///< whether paths may step along both sequences at once
  std::vector<float> centroids;                          ///< [C,K,F]
  std::vector<float> log_weights;                        ///< [C,K,F], weight u = exp(log_weight)
  std::vector<std::string> class_names;                  ///< [C]
  std::vector<float> spread;  ///< [F] what training's steps are measured in (centroids.hpp); empty: 1

  [[nodiscard]] std::int64_t element_count() const { return classes * steps * feature_dim; }
};

}  // namespace alignment
