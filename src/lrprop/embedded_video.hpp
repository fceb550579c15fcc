#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment::lrprop {

/// A video as a sequence of frame embeddings, with what its store says about it.
struct EmbeddedVideo {
  std::string id;
  io::Split split = io::Split::kTrain;
  std::int32_t label = 0;                  ///< of its action: 0 .. actions - 1
  std::int64_t width = 0;                  ///< E
  std::vector<float> rows;                 ///< [T,E]
  std::vector<std::int32_t> frame_labels;  ///< [T] phase of each frame, -1 none; empty where the store has none
  std::vector<double> timestamps;          ///< [T] seconds; empty where the store has none

  [[nodiscard]] std::int64_t frames() const { return static_cast<std::int64_t>(rows.size()) / width; }
  [[nodiscard]] bool has_phases() const { return io::has_phases(frame_labels); }
};

}  // namespace alignment::lrprop
