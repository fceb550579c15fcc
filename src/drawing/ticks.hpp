#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alignment::drawing {

/// Frame numbers to write at an axis of `count` frames: multiples of 1, 2 or 5 times a power of ten, from 0, at most
/// `most` (at least 1) of them.
[[nodiscard]] std::vector<std::int64_t> frame_ticks(std::int64_t count, std::int64_t most);

/// Numbers to write at a scale from `low` to `high`, likewise, within it, at most `most` (at least 2).
[[nodiscard]] std::vector<double> number_ticks(double low, double high, std::int64_t most);

/// A number with at most four digits that count, and those before the point of one below a million: 12.5, 0.0032,
/// 21473, 1.2e+06.
[[nodiscard]] std::string number_text(double value);

/// Seconds to a tenth, or to a hundredth below ten: 4.25 s.
[[nodiscard]] std::string seconds_text(double seconds);

}  // namespace alignment::drawing
