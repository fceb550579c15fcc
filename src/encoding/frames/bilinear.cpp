#include "src/encoding/frames/bilinear.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace alignment::encoding {
namespace {

constexpr float kOne = 2048;  ///< of a weight

/// The two pixels that a scaled pixel lies between along one axis, and their weights.
struct Between {
  std::int64_t first = 0, second = 0;
  int first_weight = 0, second_weight = 0;
};

enum class Axis : std::uint8_t { kColumns, kRows };

Between between(std::int64_t scaled_index, std::int64_t side, std::int64_t scaled_side, Axis axis) {
  const double scale = static_cast<double>(side) / static_cast<double>(scaled_side);
  const auto place = static_cast<float>((static_cast<double>(scaled_index) + 0.5) * scale - 0.5);
  const float floor = std::floor(place);
  auto first = static_cast<std::int64_t>(floor);
  float share = place - floor;
  // Past the edge there is one pixel left. Along columns OpenCV gives it all the weight; along rows it adds it to
  // itself with both weights, each product rounded down.
  if (axis == Axis::kColumns && (first < 0 || first >= side - 1)) {
    share = 0;
    first = std::clamp<std::int64_t>(first, 0, side - 1);
  }
  return {std::clamp<std::int64_t>(first, 0, side - 1), std::clamp<std::int64_t>(first + 1, 0, side - 1),
          static_cast<int>(std::lrint((1 - share) * kOne)), static_cast<int>(std::lrint(share * kOne))};
}

/// Rows of the image whose columns have been interpolated, in 2048ths of a level: the last two.
class InterpolatedRows {
 public:
  InterpolatedRows(const io::RgbImage& image, const std::vector<Between>& columns) : image_(image), columns_(columns) {
    for (Row& row : rows_) row.values.resize(3 * columns.size());
  }

  /// Valid until the call after the next one.
  const int* operator[](std::int64_t y) {
    for (Row& row : rows_) {
      if (row.y == y) {
        kept_ = &row;
        return row.values.data();
      }
    }
    Row& row = kept_ == rows_.data() ? rows_[1] : rows_[0];
    row.y = y;
    const std::uint8_t* pixels = image_.pixels.data() + 3 * y * image_.width;
    int* value = row.values.data();
    for (const Between& column : columns_) {
      const std::uint8_t* first = pixels + 3 * column.first;
      const std::uint8_t* second = pixels + 3 * column.second;
      for (int colour = 0; colour < 3; ++colour) {
        *value++ = first[colour] * column.first_weight + second[colour] * column.second_weight;
      }
    }
    kept_ = &row;
    return row.values.data();
  }

 private:
  struct Row {
    std::int64_t y = -1;
    std::vector<int> values;
  };
  const io::RgbImage& image_;
  const std::vector<Between>& columns_;
  std::array<Row, 2> rows_;
  const Row* kept_ = nullptr;  ///< asked for last
};

}  // namespace

void resize_bilinear(const io::RgbImage& image, std::int64_t scaled_width, std::int64_t scaled_height,
                     const Cutout& cutout, std::span<std::uint8_t> pixels) {
  std::vector<Between> columns(static_cast<std::size_t>(cutout.width));
  for (std::size_t x = 0; x < columns.size(); ++x) {
    columns[x] = between(cutout.x + static_cast<std::int64_t>(x), image.width, scaled_width, Axis::kColumns);
  }
  InterpolatedRows rows(image, columns);
  const std::size_t row_length = 3 * columns.size();
  for (std::int64_t y = 0; y < cutout.height; ++y) {
    const Between row = between(cutout.y + y, image.height, scaled_height, Axis::kRows);
    const int* const first = rows[row.first];
    const int* const second = rows[row.second];
    std::uint8_t* const to = pixels.data() + static_cast<std::size_t>(y) * row_length;
    for (std::size_t i = 0; i < row_length; ++i) {
      // Products of 15 and 12 bits; OpenCV keeps their upper halves.
      const int sum = ((row.first_weight * (first[i] >> 4)) >> 16) + ((row.second_weight * (second[i] >> 4)) >> 16);
      to[i] = static_cast<std::uint8_t>((sum + 2) >> 2);
    }
  }
}

}  // namespace alignment::encoding
