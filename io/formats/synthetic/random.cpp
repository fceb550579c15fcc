#include "io/formats/synthetic/random.hpp"

#include <array>
#include <cmath>

namespace alignment::io {
namespace {

constexpr int kLayers = 128;
constexpr double kTail = 3.442619855899;            // where the base layer's tail begins
constexpr double kLayerArea = 9.91256303526217e-3;  // of each of the 128 layers
constexpr double kScale = 0x1p23;                   // a draw's magnitude has 23 bits

/// Marsaglia and Tsang's ziggurat: layer i is a box of width edge[i] and height from density[i] to density[i+1].
struct Ziggurat {
  std::array<std::int32_t, kLayers> inside{};  ///< magnitudes below this lie under the curve for sure
  std::array<float, kLayers> width{};          ///< magnitude to number
  std::array<float, kLayers> density{};        ///< exp(-x^2/2) at the layer's edge

  Ziggurat() {
    double edge = kTail, previous = kTail;
    const double base = kLayerArea / std::exp(-0.5 * edge * edge);
    inside[0] = static_cast<std::int32_t>(edge / base * kScale);
    inside[1] = 0;
    width[0] = static_cast<float>(base / kScale);
    width[kLayers - 1] = static_cast<float>(edge / kScale);
    density[0] = 1.0F;
    density[kLayers - 1] = static_cast<float>(std::exp(-0.5 * edge * edge));
    for (std::size_t layer = kLayers - 2; layer >= 1; --layer) {
      edge = std::sqrt(-2.0 * std::log(kLayerArea / previous + std::exp(-0.5 * previous * previous)));
      inside[layer + 1] = static_cast<std::int32_t>(edge / previous * kScale);
      previous = edge;
      density[layer] = static_cast<float>(std::exp(-0.5 * edge * edge));
      width[layer] = static_cast<float>(edge / kScale);
    }
  }
};

const Ziggurat kZiggurat;

}  // namespace

std::uint64_t KeyedRandom::below(std::uint64_t count) {
  const std::uint64_t unfair = (0 - count) % count;  // draws below this would favour small results
  std::uint64_t draw = bits();
  while (draw < unfair) {
    draw = bits();
  }
  return draw % count;
}

float KeyedRandom::gaussian() {
  while (true) {
    const std::uint64_t draw = bits();
    const auto layer = static_cast<std::size_t>(draw & (kLayers - 1));
    const auto signed_magnitude =
        static_cast<std::int32_t>(static_cast<std::int64_t>(draw) >> 40);  // 24 bits, sign included
    const float value = static_cast<float>(signed_magnitude) * kZiggurat.width[layer];
    if (std::abs(signed_magnitude) < kZiggurat.inside[layer]) {
      return value;
    }
    if (layer == 0) {
      double beyond = 0, height = 0;
      do {
        beyond = -std::log(1.0 - uniform()) / kTail;
        height = -std::log(1.0 - uniform());
      } while (height + height < beyond * beyond);
      const auto tail = static_cast<float>(kTail + beyond);
      return signed_magnitude > 0 ? tail : -tail;
    }
    const double lower = kZiggurat.density[layer], upper = kZiggurat.density[layer - 1];
    if (lower + uniform() * (upper - lower) <
        std::exp(-0.5 * static_cast<double>(value) * static_cast<double>(value))) {
      return value;
    }
  }
}

}  // namespace alignment::io
