#include "src/dejavid/cpu/adamw.hpp"

#include <algorithm>
#include <array>
#include <utility>

// LibTorch carries headers of another fmt: nothing that formats text may be included here.
#include <ATen/Parallel.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>

#include "kernels/parallel.hpp"

namespace alignment {
namespace {

/// Parameters that one thread takes at a time. Not by the number of threads: LibTorch rounds the last few of a run of
/// parameters otherwise than the rest.
constexpr std::size_t kParametersPerPart = 4096;

}  // namespace

AdamW::AdamW(std::size_t count, double weight_decay, StepUnits units, int threads)
    : weight_decay_(weight_decay),
      units_(std::move(units)),
      threads_(threads),
      first_moment_(count),
      second_moment_(count) {}

void AdamW::update(std::span<float> parameters, std::span<const float> gradient, double lr, std::int64_t step) {
  const auto fused = [&](float* values, const float* slopes, std::size_t first, std::size_t count, double decay) {
    const auto tensor = [&](const float* data) {
      return at::from_blob(const_cast<float*>(data), {static_cast<std::int64_t>(count)}, at::kFloat);
    };
    const at::Tensor steps_taken = at::full({}, static_cast<double>(step), at::kFloat);  // this one included
    at::_fused_adamw_({tensor(values)}, {tensor(slopes)}, {tensor(first_moment_.data() + first)},
                      {tensor(second_moment_.data() + first)}, {}, {steps_taken}, lr, 0.9, 0.999, decay, 1e-8,
                      /*amsgrad=*/false, /*maximize=*/false);
  };
  const std::size_t total = parameters.size(), parts = (total + kParametersPerPart - 1) / kParametersPerPart;
  kernels::cpu::parallel_for(threads_, static_cast<std::int64_t>(parts), 1, [&](std::int64_t part, int) {
    const std::size_t first = static_cast<std::size_t>(part) * kParametersPerPart;
    const std::size_t count = std::min(kParametersPerPart, total - first);
    if (units_.unit.empty()) {
      fused(parameters.data() + first, gradient.data() + first, first, count, weight_decay_);
      return;
    }
    // The kernel's step from 0, without decay, is the step in units.
    std::array<float, kParametersPerPart> steps{}, slopes{};
    const std::size_t features = units_.unit.size();
    for (std::size_t n = 0; n < count; ++n) slopes[n] = gradient[first + n] * units_.unit[(first + n) % features];
    fused(steps.data(), slopes.data(), first, count, 0);
    const auto decay = static_cast<float>(lr * weight_decay_);
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t f = (first + n) % features;
      float& parameter = parameters[first + n];
      parameter = (parameter - decay * (parameter - units_.rest[f])) + units_.unit[f] * steps[n];
    }
  });
}

void set_torch_threads(int threads) {
  at::set_num_threads(threads);
}

}  // namespace alignment
