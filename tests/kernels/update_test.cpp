#include "kernels/update.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/kernels/problem.hpp"
#include "tests/kernels/update_problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// One group.
struct State {
  std::vector<float> parameters, first_moment, second_moment;
};

bool same_bits(const std::vector<float>& left, const std::vector<float>& right) {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size() * sizeof(float)) == 0;
}

State start_state(std::int64_t count) {
  const auto size = static_cast<std::size_t>(count);
  return {normals(count, 1), std::vector<float>(size), std::vector<float>(size)};
}

/// One step, every array between guards of NaN. `unit` and `rest` [F], or empty.
State updated(const State& state, const std::vector<float>& gradient, double lr, double weight_decay, std::int64_t step,
              const std::vector<float>& unit, const std::vector<float>& rest, int threads,
              const cpu::UpdateVariant& variant) {
  constexpr std::size_t kGuard = 16;
  const std::size_t count = gradient.size();
  const auto guarded = [&](const std::vector<float>& values) {
    std::vector<float> result(values.size() + 2 * kGuard, std::numeric_limits<float>::quiet_NaN());
    std::copy(values.begin(), values.end(), result.begin() + kGuard);
    return result;
  };
  std::vector<float> parameters = guarded(state.parameters), first = guarded(state.first_moment),
                     second = guarded(state.second_moment);
  const std::vector<float> slopes = guarded(gradient), units = guarded(unit), rests = guarded(rest);
  cpu::adamw({parameters.data() + kGuard, first.data() + kGuard, second.data() + kGuard},
             static_cast<std::int64_t>(count), slopes.data() + kGuard, lr, weight_decay, step,
             unit.empty() ? StepUnits<float>{}
                          : StepUnits<float>{units.data() + kGuard, rests.data() + kGuard,
                                             static_cast<std::int64_t>(unit.size())},
             threads, variant);
  const auto inner = [&](const std::vector<float>& values) {
    for (std::size_t k = 0; k < values.size(); ++k) {
      if (k >= kGuard && k < kGuard + count) continue;
      EXPECT_TRUE(std::isnan(values[k]));
    }
    return std::vector<float>(values.begin() + kGuard, values.end() - kGuard);
  };
  return {inner(parameters), inner(first), inner(second)};
}

template <typename Check>
void for_each_update_variant(Check&& check) {
  for (const cpu::UpdateVariant& variant : cpu::update_variants()) {
    if (variant.supported()) check(variant);
  }
}

/// FNV-1a of the numbers' bits.
std::uint64_t digest(const std::vector<float>& values) {
  std::vector<unsigned char> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  std::uint64_t result = 14695981039346656037ULL;
  for (const unsigned char byte : bytes) result = (result ^ byte) * 1099511628211ULL;
  return result;
}

/// Digests of what PyTorch 2.11's fused AdamW makes of these numbers with AVX2: the rounding that training has always
/// had.
TEST(Update, HasTheBitsOfPyTorchsFusedAdamW) {
  for_each_update_variant([&](const cpu::UpdateVariant& variant) {
    std::uint64_t generator = 1;
    const auto draws = [&] {
      std::vector<float> numbers(4096);
      for (float& value : numbers) {
        generator = generator * 6364136223846793005ULL + 1442695040888963407ULL;
        value = static_cast<float>(generator >> 40U) * 0x1p-23F - 1;
      }
      return numbers;
    };
    State state{draws(), std::vector<float>(4096), std::vector<float>(4096)};
    for (int step = 1; step <= 5; ++step) state = updated(state, draws(), 0.02, 0.1, step, {}, {}, 1, variant);
    EXPECT_EQ(digest(state.parameters), 0x71be42a3d012980aULL) << variant.name;
    EXPECT_EQ(digest(state.first_moment), 0xbae0946e40861ceeULL) << variant.name;
    EXPECT_EQ(digest(state.second_moment), 0x94a01a5ffa797958ULL) << variant.name;
  });
}

/// Twenty steps, each from the state that the kernel left.
void follow_the_reference(std::int64_t count, const std::vector<float>& unit, const std::vector<float>& rest,
                          const cpu::UpdateVariant& variant) {
  const Units units{{unit.begin(), unit.end()}, {rest.begin(), rest.end()}};
  constexpr double kRate = 0.02;
  UpdateRates rates{.weight_decay = 0.1};
  State state = start_state(count);
  for (rates.step = 1; rates.step <= 20; ++rates.step) {
    std::vector<float> gradient = normals(count, static_cast<unsigned>(100 + rates.step));
    gradient[0] = 0.0F;                      // never a gradient: only the decay
    gradient[gradient.size() / 2] *= 1e-9F;  // around eps
    const State after = updated(state, gradient, kRate, rates.weight_decay, rates.step, unit, rest, 2, variant);
    expect_adamw(state.parameters, state.first_moment, state.second_moment, {gradient.begin(), gradient.end()}, kRate,
                 rates, after.parameters, after.first_moment, after.second_moment, units);
    if (::testing::Test::HasFatalFailure()) return;
    state = after;
  }
}

TEST(Update, FollowsTheReferenceStepByStep) {
  for_each_update_variant([](const cpu::UpdateVariant& variant) {
    for (const std::int64_t count : {1, 7, 8, 9, 16, 17, 4095, 4097, 9000}) {
      SCOPED_TRACE(std::string(variant.name) + " on " + std::to_string(count));
      follow_the_reference(count, {}, {}, variant);
    }
  });
}

TEST(Update, FollowsTheReferenceInUnits) {
  for_each_update_variant([](const cpu::UpdateVariant& variant) {
    for (const std::int64_t features : {1, 3, 8, 31, 5000}) {
      SCOPED_TRACE(std::string(variant.name) + ", F=" + std::to_string(features));
      std::vector<float> unit, rest;
      for (std::int64_t f = 0; f < features; ++f) {
        unit.push_back(std::vector<float>{1, 1e-6F, 3e4F, 0.5F, 20}[static_cast<std::size_t>(f % 5)]);
        rest.push_back(std::vector<float>{0, -2, 3}[static_cast<std::size_t>(f % 3)]);
      }
      follow_the_reference(3 * features, unit, rest, variant);
    }
  });
}

TEST(Update, HasTheSameBitsOnAnyInstructionSetAndNumberOfThreads) {
  constexpr std::int64_t kFeatures = 37, kCount = kFeatures * 500;
  const std::vector<float> gradient = normals(kCount, 3);
  for (const bool with_units : {false, true}) {
    std::vector<float> unit, rest;
    if (with_units) {
      for (const float value : normals(kFeatures, 4)) unit.push_back(std::exp(value));
      rest = normals(kFeatures, 5);
    }
    State expected = start_state(kCount);
    for (int step = 1; step <= 3; ++step)
      expected = updated(expected, gradient, 0.01, 0.1, step, unit, rest, 1, cpu::update_variants().back());
    for_each_update_variant([&](const cpu::UpdateVariant& variant) {
      for (const int threads : {1, 2, 5}) {
        State state = start_state(kCount);
        for (int step = 1; step <= 3; ++step)
          state = updated(state, gradient, 0.01, 0.1, step, unit, rest, threads, variant);
        EXPECT_TRUE(same_bits(state.parameters, expected.parameters)) << variant.name;
        EXPECT_TRUE(same_bits(state.first_moment, expected.first_moment)) << variant.name;
        EXPECT_TRUE(same_bits(state.second_moment, expected.second_moment)) << variant.name;
      }
    });
  }
}

TEST(Update, WithoutGradientAndMomentsAParameterOnlyDecays) {
  for_each_update_variant([](const cpu::UpdateVariant& variant) {
    const State start{{4, -8, 0.5F}, {0, 0, 0}, {0, 0, 0}};
    const std::vector<float> none(3);
    EXPECT_EQ(updated(start, none, 0.5, 0.5, 1, {}, {}, 1, variant).parameters, (std::vector<float>{3, -6, 0.375F}));
    EXPECT_EQ(updated(start, none, 0.5, 0.5, 1, {2, 4, 8}, {8, 0, 0.5F}, 1, variant).parameters,
              (std::vector<float>{5, -6, 0.5F}));
    EXPECT_EQ(updated(start, none, 0.5, 0, 1, {}, {}, 1, variant).parameters, start.parameters);
  });
}

}  // namespace
}  // namespace alignment::kernels::testing
