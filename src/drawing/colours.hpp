#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace alignment::drawing {

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
};

/// cividis, from dark blue to yellow: even to the eye, and the same to those who do not see red or green. The last
/// entry is a grey for what is no number.
inline constexpr std::size_t kCostShades = 255;
[[nodiscard]] std::span<const Colour> cost_palette();

/// From blue (below) over white to orange (above), even steps to either side of the middle one. Few shades: images of
/// many cells stay small.
inline constexpr std::size_t kSignedShades = 33;
[[nodiscard]] std::span<const Colour> signed_palette();

/// Orange for a share (0 to 1) of the most: the more, the darker.
[[nodiscard]] Colour error_colour(double share);

/// Of a phase, by its number (at least 0): ten, chosen for the colour-blind too, then from the first again; what is
/// drawn in them also bears the number.
[[nodiscard]] Colour phase_colour(std::int32_t phase);

/// "#rrggbb".
[[nodiscard]] std::string hexadecimal(Colour colour);

/// True where black is read better on it than white.
[[nodiscard]] bool is_light(Colour colour);

}  // namespace alignment::drawing
