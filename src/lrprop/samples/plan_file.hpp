#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "io/store/tse_store.hpp"
#include "src/lrprop/samples/views.hpp"

namespace alignment::lrprop {

/// What a plan file says (HDF5): /pair i32 [S,2], /offsets i64 [4S+1], /frames i64; view v of step s is
/// frames[offsets[4s+v] .. offsets[4s+v+1]). Checked against the store: videos that it has, ascending frames within
/// them, 2 to `most_frames` a view. Throws io::StoreError.
[[nodiscard]] std::vector<PairViews> read_plan(const std::filesystem::path& file, const io::TseStore& store,
                                               std::int64_t most_frames);

}  // namespace alignment::lrprop
