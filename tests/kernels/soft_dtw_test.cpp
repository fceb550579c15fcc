#include "kernels/soft_dtw.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/dtw.hpp"
#include "tests/kernels/alignment_problem.hpp"

namespace alignment::kernels::testing {
namespace {

template <typename Real>
struct Soft {
  std::vector<double> values;
  std::vector<Real> alignments;  // as the matrices lie
};

constexpr double kUntouched = -7;

template <typename Real>
Soft<Real> reference_soft(const RaggedMatrices<Real>& matrices, double gamma) {
  const MatricesView<Real> view = matrices.view();
  const std::int64_t last = view.count - 1;
  const std::int64_t end = view.offsets[last] + view.rows[last] * view.columns[last];
  Soft<Real> soft{std::vector<double>(static_cast<std::size_t>(view.count)),
                  std::vector<Real>(static_cast<std::size_t>(end + 1), kUntouched)};
  reference::soft_dtw(view, gamma, soft.values.data(), soft.alignments.data());
  return soft;
}

template <typename Real>
Soft<Real> soft_by(const RaggedMatrices<Real>& matrices, double gamma, int threads,
                   const cpu::AlignmentVariant& variant) {
  const MatricesView<Real> view = matrices.view();
  Soft<Real> soft = reference_soft(matrices, gamma);  // for the sizes
  std::fill(soft.values.begin(), soft.values.end(), std::nan(""));
  std::fill(soft.alignments.begin(), soft.alignments.end(), static_cast<Real>(kUntouched));
  Aligned<std::byte> workspace(static_cast<std::int64_t>(cpu::soft_dtw_workspace_bytes(view, true, threads)));
  cpu::soft_dtw(view, gamma, soft.values.data(), soft.alignments.data(), workspace.data(), threads, variant);

  // Forward alone the same values.
  std::vector<double> values(soft.values.size(), std::nan(""));
  Aligned<std::byte> less(static_cast<std::int64_t>(cpu::soft_dtw_workspace_bytes(view, false, threads)));
  cpu::soft_dtw<Real>(view, gamma, values.data(), nullptr, less.data(), threads, variant);
  EXPECT_EQ(values, soft.values) << variant.name;
  return soft;
}

/// Values within 1e-12 of the largest number on a path to them, alignments within 1e-10 of the largest, which is 1, and
/// the roundings of Real. What lies between the matrices stays as it was.
template <typename Real>
void expect_soft(const Soft<Real>& found, const Soft<Real>& expected, const RaggedMatrices<Real>& matrices,
                 const std::string& name, double tolerance = 1e-10) {
  for (std::size_t b = 0; b < expected.values.size(); ++b) {
    const std::string matrix = name + " " + to_string(Extent{matrices.rows()[b], matrices.columns()[b]});
    EXPECT_NEAR(found.values[b], expected.values[b], 1e-12 * std::max(1.0, std::abs(expected.values[b]))) << matrix;
  }
  double largest_error = 0;
  for (std::size_t k = 0; k < expected.alignments.size(); ++k) {
    const double one = static_cast<double>(found.alignments[k]), other = static_cast<double>(expected.alignments[k]);
    ASSERT_TRUE(other == kUntouched ? one == other : !std::isnan(one)) << name << " at " << k;
    largest_error = std::max(largest_error, std::abs(one - other));
  }
  EXPECT_LE(largest_error, tolerance + static_cast<double>(std::numeric_limits<Real>::epsilon())) << name;
}

/// The value and the expected alignment as eq. 10 says, over every path.
Soft<double> brute_force(const std::vector<double>& distances, std::int64_t rows, std::int64_t columns, double gamma) {
  double sum = 0;
  std::vector<double> shares(distances.size());
  for_each_path(rows, columns, [&](const std::vector<Extent>& cells) {
    double cost = 0;
    for (const auto& [i, j] : cells) cost += distances[static_cast<std::size_t>(i * columns + j)];
    const double weight = std::exp(-cost / gamma);
    sum += weight;
    for (const auto& [i, j] : cells) shares[static_cast<std::size_t>(i * columns + j)] += weight;
  });
  for (double& share : shares) share /= sum;
  return {{-gamma * std::log(sum)}, shares};
}

TEST(SoftDtw, IsTheSumOverAllPaths) {
  std::mt19937 generator(1);
  for (const Extent& extent : {Extent{1, 1}, {1, 5}, {5, 1}, {2, 2}, {3, 5}, {5, 5}, {6, 4}}) {
    const auto [rows, columns] = extent;
    for (const double gamma : {0.1, 1.0, 10.0}) {
      const RaggedMatrices<double> matrices(
          {extent}, [&](std::size_t) { return std::uniform_real_distribution<double>(0, 2)(generator); });
      const double* const first = matrices.view().values + matrices.offsets()[0];
      const Soft<double> expected = brute_force({first, first + rows * columns}, rows, columns, gamma);
      const auto check = [&](const Soft<double>& found, const std::string& name) {
        EXPECT_NEAR(found.values[0], expected.values[0], 1e-13 * std::max(1.0, std::abs(expected.values[0]))) << name;
        for (std::size_t k = 0; k < expected.alignments.size(); ++k) {
          EXPECT_NEAR(found.alignments[k + static_cast<std::size_t>(matrices.offsets()[0])], expected.alignments[k],
                      1e-12)
              << name << " " << to_string(extent) << " gamma " << gamma;
        }
      };
      check(reference_soft(matrices, gamma), "reference");
      for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
        check(soft_by(matrices, gamma, 1, variant), std::string(variant.name));
      });
    }
  }
}

/// Delannoy numbers: how many paths there are.
TEST(SoftDtw, OfZerosCountsPaths) {
  const RaggedMatrices<double> matrices({{1, 1}, {2, 2}, {3, 3}, {4, 4}, {3, 5}}, [](std::size_t) { return 0; });
  const std::vector<double> paths{1, 3, 13, 63, 41};
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    const Soft<double> found = soft_by(matrices, 0.5, 1, variant);
    for (std::size_t b = 0; b < paths.size(); ++b)
      EXPECT_NEAR(found.values[b], -0.5 * std::log(paths[b]), 2e-15) << variant.name;  // a few roundings of log 63
    // In the middle of 2 x 2, either side is on one of the three paths.
    const auto second = static_cast<std::size_t>(matrices.offsets()[1]);
    for (const std::size_t k : {0U, 3U}) EXPECT_NEAR(found.alignments[second + k], 1, 4e-16);
    for (const std::size_t k : {1U, 2U}) EXPECT_NEAR(found.alignments[second + k], 1.0 / 3, 4e-16);
  });
}

template <typename Real>
class SoftDtwKernels : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SoftDtwKernels, Reals);

TYPED_TEST(SoftDtwKernels, EqualTheReference) {
  std::mt19937 generator(2);
  for (const double gamma : {1e-3, 0.1, 1.0, 10.0}) {
    const RaggedMatrices<TypeParam> matrices(
        small_extents(), [&](std::size_t) { return std::uniform_real_distribution<double>(0, 2)(generator); });
    const Soft<TypeParam> expected = reference_soft(matrices, gamma);
    for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
      for (const int threads : {1, 3}) {
        // A rounding of r, 2^-53 of 200, is 2e-11 of gamma 1e-3, for every step of a path.
        expect_soft(soft_by(matrices, gamma, threads, variant), expected, matrices,
                    std::string(variant.name) + " gamma " + std::to_string(gamma), gamma < 0.1 ? 1e-8 : 1e-10);
      }
    });
  }
}

TYPED_TEST(SoftDtwKernels, EqualTheReferenceAtAnyLength) {
  std::mt19937 generator(3);
  const RaggedMatrices<TypeParam> matrices(
      long_extents(), [&](std::size_t) { return std::uniform_real_distribution<double>(0, 2)(generator); });
  const Soft<TypeParam> expected = reference_soft(matrices, 0.1);
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    expect_soft(soft_by(matrices, 0.1, 2, variant), expected, matrices, std::string(variant.name));
  });
}

/// Whole numbers far apart for gamma: one path has all the share, but for exact ties.
TYPED_TEST(SoftDtwKernels, AreHardWhereDistancesAreFarApart) {
  std::mt19937 generator(4);
  for (const double unit : {1.0, 0x1p40}) {  // up to 1e15 on a path of 240 cells
    const RaggedMatrices<TypeParam> matrices(
        small_extents(), [&](std::size_t) { return unit * std::uniform_int_distribution<int>(0, 9)(generator); });
    for (const double gamma : {1e-3, 1e-2}) {
      const Soft<TypeParam> expected = reference_soft(matrices, gamma);
      const MatricesView<TypeParam> view = matrices.view();
      for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
        const Soft<TypeParam> found = soft_by(matrices, gamma, 1, variant);
        expect_soft(found, expected, matrices, std::string(variant.name), 1e-8);
        for (std::int64_t b = 0; b < view.count; ++b) {
          std::vector<PathCell> cells(static_cast<std::size_t>(view.rows[b] + view.columns[b]));
          double cost = 0;
          reference::dtw_path(view.values + view.offsets[b], view.rows[b], view.columns[b], cells.data(), &cost);
          // Below it by gamma times the logarithm of the number of paths, which is below 3^(n + m).
          const double paths = gamma * std::log(3.0) * static_cast<double>(view.rows[b] + view.columns[b]);
          EXPECT_LE(found.values[static_cast<std::size_t>(b)], cost);
          EXPECT_GE(found.values[static_cast<std::size_t>(b)], cost - paths);
        }
      });
    }
  }
}

TYPED_TEST(SoftDtwKernels, StayFiniteForDistancesOfAnySize) {
  std::mt19937 generator(5);
  for (const double largest : {1e-300, 1e-30, 1e3, 1e15}) {
    for (const double gamma : {1e-3, 10.0}) {
      const RaggedMatrices<TypeParam> matrices({{60, 70}, {9, 9}}, [&](std::size_t) {
        return std::uniform_real_distribution<double>(0, largest)(generator);
      });
      for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
        const Soft<TypeParam> found = soft_by(matrices, gamma, 1, variant);
        for (const double value : found.values) EXPECT_TRUE(std::isfinite(value)) << variant.name;
        for (const TypeParam share : found.alignments) {
          if (static_cast<double>(share) == kUntouched) continue;
          EXPECT_TRUE(share >= 0 && static_cast<double>(share) <= 1 + 1e-6) << variant.name << " " << share;
        }
      });
    }
  }
}

/// Every diagonal or the one after it is crossed by each path; the ends are on all of them.
TYPED_TEST(SoftDtwKernels, AlignmentsAreSharesOfPaths) {
  std::mt19937 generator(6);
  const Extent extent{150, 130};
  const RaggedMatrices<TypeParam> matrices(
      {extent}, [&](std::size_t) { return std::uniform_real_distribution<double>(0, 1)(generator); });
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    const Soft<TypeParam> found = soft_by(matrices, 0.1, 1, variant);
    const TypeParam* const alignment = found.alignments.data() + matrices.offsets()[0];
    EXPECT_EQ(static_cast<double>(alignment[extent.first * extent.second - 1]), 1.0);
    EXPECT_NEAR(static_cast<double>(alignment[0]), 1.0, 1e-6);
    for (std::int64_t i = 0; i < extent.first; ++i) {  // a path has at least one cell in every row
      double sum = 0;
      for (std::int64_t j = 0; j < extent.second; ++j) sum += static_cast<double>(alignment[i * extent.second + j]);
      EXPECT_GE(sum, 1 - 1e-6) << variant.name << " row " << i;
    }
  });
}

TEST(SoftDtw, AlignmentIsTheGradient) {
  std::mt19937 generator(7);
  for (const double gamma : {0.1, 1.0}) {
    RaggedMatrices<double> matrices(
        {{9, 12}}, [&](std::size_t) { return std::uniform_real_distribution<double>(0, 2)(generator); });
    for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
      const Soft<double> found = soft_by(matrices, gamma, 1, variant);
      for (std::int64_t k = 0; k < 9 * 12; k += 5) {
        const auto cell = static_cast<std::size_t>(matrices.offsets()[0] + k);
        const double kept = matrices.values()[cell], step = 1e-4 * gamma;
        matrices.values()[cell] = kept + step;
        const double above = soft_by(matrices, gamma, 1, variant).values[0];
        matrices.values()[cell] = kept - step;
        const double below = soft_by(matrices, gamma, 1, variant).values[0];
        matrices.values()[cell] = kept;
        // The third derivative is below 1 / gamma^2: step^2 / 6 of it; and the value's roundings, 1e-14, over the step.
        EXPECT_NEAR((above - below) / (2 * step), found.alignments[cell], 2e-9 + 2e-14 / step) << variant.name;
      }
    });
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
