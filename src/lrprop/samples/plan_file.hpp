#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "io/store/tse_store.hpp"
#include "src/lrprop/samples/views.hpp"

namespace alignment::lrprop {

/// One pair of videos and the views of both that a step trains on.
struct PairViews {
  std::array<std::int64_t, 2> videos{};  ///< A and B: samples of the store
  std::array<FrameIndices, 4> frames;    ///< a0 a1 b0 b1
};

/// What a plan file says (HDF5): /pair i32 [S,2], /offsets i64 [4S+1], /frames i64; view v of step s is
/// frames[offsets[4s+v] .. offsets[4s+v+1]). Checked against the store: videos that it has, ascending frames within
/// them, 2 to `most_frames` a view. Throws io::StoreError.
[[nodiscard]] std::vector<PairViews> read_plan(const std::filesystem::path& file, const io::TseStore& store,
                                               std::int64_t most_frames);

}  // namespace alignment::lrprop
