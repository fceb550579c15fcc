#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace alignment::drawing {

/// How often each true class (row) was taken for each class (column).
struct CountMatrix {
  std::vector<std::string> names;        ///< [C]
  std::span<const std::int64_t> counts;  ///< [C,C]
};

/// Up to so many classes are drawn with their names and numbers; more as an image of a pixel a cell.
inline constexpr std::size_t kNamedClasses = 20;

/// The matrix as an element of a page that has picture_style(): what is right in one grey, what is not in orange, the
/// more the darker. The same input gives the same bytes. Throws std::invalid_argument where sizes do not fit.
[[nodiscard]] std::string svg_element(const CountMatrix& matrix);

}  // namespace alignment::drawing
