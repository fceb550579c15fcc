#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace alignment::encoding {

/// A row of a store's query and the row of the other video that lies beside it, and when they are.
struct AlignedFrames {
  std::array<std::int64_t, 2> rows = {};
  std::array<double, 2> seconds = {};
};

/// The path of an `align-ID.csv` of `lrprop_dist align`, cell by cell. Throws io::StoreError for another file, one that
/// is damaged, and one of a store without times.
[[nodiscard]] std::vector<AlignedFrames> read_path(const std::filesystem::path& file);

/// `places` cells of a path at equal distances, the first and the last among them; all where it has fewer.
[[nodiscard]] std::vector<AlignedFrames> places_of(const std::vector<AlignedFrames>& path, std::int64_t places);

/// Of these rows of the query, ascending, the middle of their cells, rounded down: where `lrprop_dist align` finds
/// them. Throws std::out_of_range for one that is not on the path.
[[nodiscard]] std::vector<AlignedFrames> rows_of(const std::vector<AlignedFrames>& path,
                                                 const std::vector<std::int64_t>& rows);

}  // namespace alignment::encoding
