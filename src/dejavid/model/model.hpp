#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/tensors.hpp"

namespace alignment::dejavid {

/// What is learned: a centroid sequence and the logarithms of its weights for every class; or something of each of
/// these numbers, as a moment of its gradient.
struct Parameters {
  std::vector<float> centroids;    ///< [C,K,F]
  std::vector<float> log_weights;  ///< [C,K,F], weight u = exp(log_weight)
};

/// AdamW's moments; empty ones are zero.
struct Moments {
  Parameters first, second;
};

/// Parameters and what they are of.
struct Model : kernels::Extents, Parameters {
  bool slope = false;                    ///< whether the last half of the features are slopes of the others
  bool diagonal = false;                 ///< whether paths may step along both sequences at once
  std::vector<std::string> class_names;  ///< [C]
  std::uint64_t held_out = 0;            ///< digest of the ids that training held out (data_settings.hpp); 0: none
  std::string encoder;                   ///< what made the features learned from; empty: not said
  std::vector<float> spread;             ///< [F] what training's steps are measured in (centroids.hpp); empty: 1
};

}  // namespace alignment::dejavid
