#include "kernels/update.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/cpu/simd/update_table.hpp"
#include "kernels/parallel.hpp"

namespace alignment::kernels::cpu {
namespace {

/// Parameters that one thread takes at a time, about.
constexpr std::int64_t kParametersPerPart = 4096;

}  // namespace

std::span<const UpdateVariant> update_variants() {
#if defined(DEJAVID_X86_VARIANTS)
  static const std::array table{avx512_update_variant(), avx2_update_variant(), portable_update_variant()};
#else
  static const std::array table{portable_update_variant()};
#endif
  return table;
}

const UpdateVariant& best_update_variant() {
  static const UpdateVariant& best = *std::find_if(update_variants().begin(), update_variants().end(),
                                                   [](const UpdateVariant& variant) { return variant.supported(); });
  return best;
}

void adamw(const ParameterGroup<float>& group, std::int64_t count, const float* gradient, double lr,
           double weight_decay, std::int64_t step, const StepUnits<float>& units, int threads,
           const UpdateVariant& variant) {
  const auto t = static_cast<double>(step);
  const AdamwFactors factors{static_cast<float>(1 - lr * weight_decay), static_cast<float>(lr * weight_decay),
                             static_cast<float>(lr / (1 - std::pow(0.9, t))),
                             static_cast<float>(std::sqrt(1 - std::pow(0.999, t)))};
  const std::int64_t row = units.unit == nullptr ? kParametersPerPart : units.feature_dim;
  const std::int64_t rows = (count + row - 1) / row;
  parallel_for(threads, rows, std::max(kParametersPerPart / row, std::int64_t{1}), [&](std::int64_t index, int) {
    const std::int64_t first = index * row;
    variant.adamw({group.parameters + first, group.first_moment + first, group.second_moment + first},
                  std::min(row, count - first), gradient + first, factors, units);
  });
}

}  // namespace alignment::kernels::cpu
