#include "src/programs/dejavid_bench/problems/shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "io/formats/synthetic/synthetic.hpp"
#include "src/config/error.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/programs/dejavid_bench/problems/whole_numbers.hpp"

namespace alignment::dejavid::bench {
namespace {

constexpr std::int64_t kPresetSamples = 96;

Shape preset_shape(const std::string& name) {
  const io::SyntheticOptions preset = io::synthetic_preset(name);
  Shape shape;
  shape.name = name;
  shape.classes = preset.classes;
  shape.steps = ModelConfig{}.steps;
  shape.features = preset.features;
  shape.length = preset.length.median > 0
                     ? preset.length.median
                     : std::floor(static_cast<double>(preset.length.shortest + preset.length.longest) / 2);
  shape.samples = kPresetSamples;
  return shape;
}

}  // namespace

Shape parse_shape(const std::string& text, std::optional<std::int64_t> samples) {
  Shape shape;
  if (const auto numbers = whole_numbers<5>(text)) {
    shape = {"", (*numbers)[0], (*numbers)[1], (*numbers)[2], static_cast<double>((*numbers)[3]), (*numbers)[4]};
  } else {
    const auto& presets = io::synthetic_presets();
    if (std::find(presets.begin(), presets.end(), text) == presets.end()) {
      throw ConfigError(
          fmt::format("--shape: found '{}'; expected one of {}, or five numbers C,K,F,T,B from 1 on; correct it", text,
                      fmt::join(presets, ", ")));
    }
    shape = preset_shape(text);
  }
  shape.samples = samples.value_or(shape.samples);
  return shape;
}

KernelProblem batch_of(const Shape& shape) {
  return {shape.classes, shape.steps, shape.features,
          std::vector<std::int64_t>(static_cast<std::size_t>(shape.samples), static_cast<std::int64_t>(shape.length)),
          Numbers::kReals};
}

}  // namespace alignment::dejavid::bench
