#pragma once

#include <string>

#include "src/drawing/matrix.hpp"

namespace alignment::drawing {

/// A matrix as a PNG of one pixel a cell, in signed_palette(): white is 0, the ends are -limit and limit and what lies
/// beyond. `limit` of 0: all white.
[[nodiscard]] std::string signed_cells(const Matrix& matrix, double limit);

/// The colours from -limit to limit with these three texts at -limit, 0 and limit, as an element of a page; `name` is
/// what they stand for.
[[nodiscard]] std::string signed_scale(const std::string& name, const std::string& low, const std::string& middle,
                                       const std::string& high);

}  // namespace alignment::drawing
