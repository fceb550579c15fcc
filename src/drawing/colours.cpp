#include "src/drawing/colours.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace alignment::drawing {
namespace {

/// cividis (Nuñez, Anderton and Renslow, 2018) at every fifth of its 256 shades.
constexpr Colour kCividis[] = {
    {0, 34, 78},     {0, 38, 86},     {0, 42, 95},     {0, 45, 104},    {0, 48, 112},    {8, 51, 112},
    {22, 55, 112},   {32, 58, 111},   {39, 62, 110},   {46, 65, 109},   {52, 69, 108},   {58, 72, 108},
    {63, 76, 108},   {68, 79, 108},   {73, 83, 108},   {78, 86, 108},   {83, 90, 109},   {87, 93, 109},
    {92, 97, 110},   {96, 100, 111},  {101, 104, 112}, {105, 107, 113}, {109, 111, 114}, {114, 114, 116},
    {118, 118, 118}, {122, 122, 120}, {126, 125, 120}, {131, 129, 121}, {136, 133, 120}, {141, 136, 120},
    {146, 140, 120}, {150, 144, 119}, {155, 148, 118}, {160, 152, 117}, {165, 156, 116}, {170, 160, 115},
    {175, 164, 113}, {181, 168, 111}, {186, 172, 109}, {191, 176, 107}, {196, 180, 104}, {201, 185, 101},
    {207, 189, 98},  {212, 193, 95},  {218, 198, 91},  {223, 202, 87},  {229, 207, 82},  {234, 211, 76},
    {240, 216, 70},  {246, 221, 63},  {252, 226, 54},  {254, 232, 56}};

/// Tol's "muted" set and an orange.
constexpr Colour kPhases[] = {{204, 102, 119}, {51, 34, 136},  {221, 204, 119}, {17, 119, 51},  {136, 204, 238},
                              {136, 34, 85},   {68, 170, 153}, {153, 153, 51},  {170, 68, 153}, {238, 119, 51}};

std::array<Colour, kCostShades + 1> make_cost_palette() {
  std::array<Colour, kCostShades + 1> palette{};
  constexpr std::size_t kPieces = std::size(kCividis) - 1;
  for (std::size_t shade = 0; shade < kCostShades; ++shade) {
    const std::size_t scaled = shade * kPieces, piece = scaled / (kCostShades - 1);
    const std::size_t left = piece < kPieces ? piece : kPieces - 1, part = scaled - left * (kCostShades - 1);
    const auto between = [&](std::uint8_t from, std::uint8_t to) {
      const std::size_t whole = kCostShades - 1;
      return static_cast<std::uint8_t>((from * (whole - part) + to * part + whole / 2) / whole);
    };
    const Colour from = kCividis[left], to = kCividis[left + 1];
    palette[shade] = {between(from.red, to.red), between(from.green, to.green), between(from.blue, to.blue)};
  }
  palette[kCostShades] = {128, 128, 128};
  return palette;
}

/// `share` (0 to 1) of the way from one colour to the other.
Colour mixed(Colour from, Colour to, double share) {
  const auto between = [share](std::uint8_t low, std::uint8_t high) {
    return static_cast<std::uint8_t>(std::lround(low + (high - low) * share));
  };
  return {between(from.red, to.red), between(from.green, to.green), between(from.blue, to.blue)};
}

std::array<Colour, kSignedShades> make_signed_palette() {
  constexpr Colour kBlue{5, 76, 150}, kWhite{255, 255, 255}, kOrange{190, 82, 0};
  constexpr std::size_t kMiddle = kSignedShades / 2;
  std::array<Colour, kSignedShades> palette{};
  for (std::size_t n = 0; n <= kMiddle; ++n) {
    const double share = static_cast<double>(n) / static_cast<double>(kMiddle);
    palette[kMiddle - n] = mixed(kWhite, kBlue, share);
    palette[kMiddle + n] = mixed(kWhite, kOrange, share);
  }
  return palette;
}

}  // namespace

std::span<const Colour> signed_palette() {
  static const std::array<Colour, kSignedShades> palette = make_signed_palette();
  return palette;
}

Colour error_colour(double share) {
  constexpr Colour kLight{253, 208, 162}, kDark{140, 45, 4};
  return mixed(kLight, kDark, share);
}

std::span<const Colour> cost_palette() {
  static const std::array<Colour, kCostShades + 1> palette = make_cost_palette();
  return palette;
}

Colour phase_colour(std::int32_t phase) {
  return kPhases[static_cast<std::size_t>(phase) % std::size(kPhases)];
}

std::string hexadecimal(Colour colour) {
  return fmt::format("#{:02x}{:02x}{:02x}", colour.red, colour.green, colour.blue);
}

bool is_light(Colour colour) {
  const auto linear = [](std::uint8_t channel) { return std::pow(channel / 255.0, 2.2); };
  const double luminance = 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
  return luminance > 0.18;  // where black and white stand out alike (WCAG's contrast)
}

}  // namespace alignment::drawing
