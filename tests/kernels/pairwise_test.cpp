#include "kernels/pairwise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/kernels/alignment_problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// Rows with NaN before and behind.
template <typename Real>
struct Rows {
  static constexpr std::size_t kGuard = 8;
  std::int64_t count, width;
  std::vector<Real> numbers;

  Rows(std::int64_t row_count, std::int64_t row_width, const std::function<double(std::int64_t, std::int64_t)>& draw)
      : count(row_count),
        width(row_width),
        numbers(static_cast<std::size_t>(row_count * row_width) + 2 * kGuard, std::numeric_limits<Real>::quiet_NaN()) {
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t e = 0; e < width; ++e) at(i, e) = static_cast<Real>(draw(i, e));
    }
  }
  Real& at(std::int64_t i, std::int64_t e) { return numbers[kGuard + static_cast<std::size_t>(i * width + e)]; }
  [[nodiscard]] RowsView<Real> view() const { return {numbers.data() + kGuard, count, width}; }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(count * width); }
};

struct PairShape {
  std::int64_t rows, columns, width;
};

/// Around rows taken together (1, 4, 8, 16, 64), panels (16, 24, 32, 504) and blocks of features (16), and the narrow
/// width.
const std::vector<PairShape>& pair_shapes() {
  static const std::vector<PairShape> kShapes{{1, 1, 1},    {1, 7, 3},     {7, 1, 16},   {5, 33, 17},
                                              {33, 31, 15}, {16, 24, 32},  {20, 25, 37}, {64, 48, 64},
                                              {65, 49, 20}, {80, 80, 128}, {3, 510, 18}, {130, 600, 9}};
  return kShapes;
}
std::string to_string(const PairShape& shape) {
  return std::to_string(shape.rows) + "x" + std::to_string(shape.columns) + "x" + std::to_string(shape.width);
}

template <typename Real>
constexpr double kRoundoffOf = static_cast<double>(std::numeric_limits<Real>::epsilon()) / 2;

template <typename Real>
std::vector<Real> distances_by(const Rows<Real>& a, const Rows<Real>& b, int threads,
                               const cpu::AlignmentVariant& variant) {
  std::vector<Real> distances(static_cast<std::size_t>(a.count * b.count) + 1, -7);
  Aligned<std::byte> workspace(
      static_cast<std::int64_t>(cpu::pairwise_distances_workspace_bytes<Real>(b.count, b.width)));
  cpu::pairwise_distances(a.view(), b.view(), distances.data(), workspace.data(), threads, variant);
  EXPECT_EQ(distances.back(), -7);
  distances.pop_back();
  return distances;
}

template <typename Real>
std::vector<Real> reference_distances(const Rows<Real>& a, const Rows<Real>& b) {
  std::vector<Real> distances(static_cast<std::size_t>(a.count * b.count));
  reference::pairwise_distances(a.view(), b.view(), distances.data());
  return distances;
}

/// Gradients that start at 1.
template <typename Real>
struct Gradients {
  std::vector<Real> a, b;

  bool operator==(const Gradients&) const = default;
};

template <typename Real>
Gradients<Real> gradient_by(const Rows<Real>& a, const Rows<Real>& b, const std::vector<Real>& distances,
                            const std::vector<Real>& distance_gradient, int threads,
                            const cpu::AlignmentVariant& variant) {
  Gradients<Real> found{std::vector<Real>(a.size() + 1, 1), std::vector<Real>(b.size() + 1, 1)};
  Aligned<std::byte> workspace(
      static_cast<std::int64_t>(cpu::pairwise_gradient_workspace_bytes<Real>(a.count, b.count)));
  cpu::pairwise_gradient(a.view(), b.view(), distances.data(), distance_gradient.data(), found.a.data(), found.b.data(),
                         workspace.data(), threads, variant);
  for (auto* const gradient : {&found.a, &found.b}) {
    EXPECT_EQ(gradient->back(), 1);
    gradient->pop_back();
  }
  return found;
}

template <typename Real>
Gradients<Real> reference_gradient(const Rows<Real>& a, const Rows<Real>& b, const std::vector<Real>& distances,
                                   const std::vector<Real>& distance_gradient) {
  Gradients<Real> found{std::vector<Real>(a.size(), 1), std::vector<Real>(b.size(), 1)};
  reference::pairwise_gradient(a.view(), b.view(), distances.data(), distance_gradient.data(), found.a.data(),
                               found.b.data());
  return found;
}

TEST(Pairwise, ThreeByHand) {
  const Rows<double> a(1, 2, [](std::int64_t, std::int64_t) { return 0; });
  const Rows<double> b(2, 2, [](std::int64_t j, std::int64_t e) { return j * (e == 0 ? 3 : 4); });
  EXPECT_EQ(reference_distances(a, b), (std::vector<double>{1e-6, 5}));
  const Gradients<double> gradient = reference_gradient(a, b, {1e-6, 5}, {100, 10});
  EXPECT_EQ(gradient.a, (std::vector<double>{1 - 6, 1 - 8}));
  EXPECT_EQ(gradient.b, (std::vector<double>{1, 1, 1 + 6, 1 + 8}));
}

template <typename Real>
class PairwiseKernels : public ::testing::Test {
 protected:
  std::mt19937 generator_{1};
  auto integers(int most) {
    return [this, most](std::int64_t, std::int64_t) {
      return std::uniform_int_distribution<int>(-most, most)(generator_);
    };
  }
  auto reals() {
    return [this](std::int64_t, std::int64_t) { return std::normal_distribution<double>()(generator_); };
  }
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(PairwiseKernels, Reals);

TYPED_TEST(PairwiseKernels, DistancesAreTheReferencesOnIntegers) {
  for (const PairShape& shape : pair_shapes()) {
    const Rows<TypeParam> a(shape.rows, shape.width, this->integers(3)),
        b(shape.columns, shape.width, this->integers(3));
    for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
      for (const int threads : {1, 3})
        EXPECT_EQ(distances_by(a, b, threads, variant), reference_distances(a, b)) << variant.name << to_string(shape);
    });
  }
}

TYPED_TEST(PairwiseKernels, DistancesFollowTheReferenceOnReals) {
  for (const PairShape& shape : pair_shapes()) {
    const Rows<TypeParam> a(shape.rows, shape.width, this->reals()), b(shape.columns, shape.width, this->reals());
    const std::vector<TypeParam> expected = reference_distances(a, b);
    // f64: one sum of E terms. Both round the result once.
    const double terms = sizeof(TypeParam) == 4 ? cpu::kExactTerms : static_cast<double>(shape.width);
    const double tolerance = ((terms + 5) / 2 + 1) * kRoundoffOf<TypeParam>;
    for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
      const std::vector<TypeParam> found = distances_by(a, b, 2, variant);
      for (std::size_t k = 0; k < found.size(); ++k) {
        const auto one = static_cast<double>(found[k]), other = static_cast<double>(expected[k]);
        ASSERT_NEAR(one, other, tolerance * other) << variant.name << to_string(shape);
      }
    });
  }
}

TYPED_TEST(PairwiseKernels, GradientsAreTheReferencesOnIntegers) {
  for (const PairShape& shape : pair_shapes()) {
    const Rows<TypeParam> a(shape.rows, shape.width, this->integers(3)),
        b(shape.columns, shape.width, this->integers(3));
    // Powers of two as distances and small integers as g: every quotient and every sum is exact.
    std::vector<TypeParam> distances(static_cast<std::size_t>(shape.rows * shape.columns)), gradient(distances.size());
    for (TypeParam& value : distances)
      value = this->generator_() % 2 == 0 ? TypeParam{2} : smallest_distance<TypeParam>();
    for (TypeParam& value : gradient) value = static_cast<TypeParam>(static_cast<int>(this->generator_() % 9) - 4);
    for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
      for (const int threads : {1, 3}) {
        EXPECT_TRUE(gradient_by(a, b, distances, gradient, threads, variant) ==
                    reference_gradient(a, b, distances, gradient))
            << variant.name << " " << to_string(shape);
      }
    });
  }
}

TYPED_TEST(PairwiseKernels, GradientsFollowTheReferenceOnReals) {
  for (const PairShape& shape : pair_shapes()) {
    const Rows<TypeParam> a(shape.rows, shape.width, this->reals()), b(shape.columns, shape.width, this->reals());
    const std::vector<TypeParam> distances = reference_distances(a, b);
    const Rows<TypeParam> upstream(shape.rows, shape.columns, this->reals());
    const std::vector<TypeParam> gradient(upstream.view().rows, upstream.view().rows + upstream.size());
    const Gradients<TypeParam> expected = reference_gradient(a, b, distances, gradient);
    // Magnitudes of the terms, by the reference: g / D of one sign, and |a - b| by its features' distances.
    const double terms =
        sizeof(TypeParam) == 4 ? cpu::kExactTerms : static_cast<double>(std::max(shape.rows, shape.columns));
    std::vector<double> a_magnitude(a.size(), 1), b_magnitude(b.size(), 1);
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      for (std::int64_t j = 0; j < shape.columns; ++j) {
        const auto cell = static_cast<std::size_t>(i * shape.columns + j);
        const double factor = std::abs(static_cast<double>(gradient[cell]) / static_cast<double>(distances[cell]));
        for (std::int64_t e = 0; e < shape.width; ++e) {
          const double term = factor * std::abs(static_cast<double>(a.view().row(i)[e] - b.view().row(j)[e]));
          a_magnitude[static_cast<std::size_t>(i * shape.width + e)] += term;
          b_magnitude[static_cast<std::size_t>(j * shape.width + e)] += term;
        }
      }
    }
    for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
      const Gradients<TypeParam> found = gradient_by(a, b, distances, gradient, 2, variant);
      const auto check = [&](const std::vector<TypeParam>& some, const std::vector<TypeParam>& others,
                             const std::vector<double>& magnitudes) {
        for (std::size_t k = 0; k < some.size(); ++k) {
          ASSERT_NEAR(static_cast<double>(some[k]), static_cast<double>(others[k]),
                      (terms + 7) * kRoundoffOf<TypeParam> * magnitudes[k])
              << variant.name << " " << to_string(shape);
        }
      };
      check(found.a, expected.a, a_magnitude);
      check(found.b, expected.b, b_magnitude);
    });
  }
}

TYPED_TEST(PairwiseKernels, SquaresAndTheirGradientsFollowTheReference) {
  for (const PairShape& shape : pair_shapes()) {
    for (const bool integers : {true, false}) {
      std::function<double(std::int64_t, std::int64_t)> draw = this->reals();
      if (integers) draw = this->integers(3);
      const Rows<TypeParam> a(shape.rows, shape.width, draw), b(shape.columns, shape.width, draw);
      const Rows<TypeParam> upstream(shape.rows, shape.columns, draw);
      std::vector<TypeParam> expected(upstream.size());
      reference::pairwise_squares(a.view(), b.view(), expected.data());
      Gradients<TypeParam> gradient{std::vector<TypeParam>(a.size(), 1), std::vector<TypeParam>(b.size(), 1)};
      reference::pairwise_squares_gradient(a.view(), b.view(), upstream.view().rows, gradient.a.data(),
                                           gradient.b.data());
      // Integers are exact. A gradient's terms: 2 g |a - b|, of which there are as many as rows of the other.
      const bool single = sizeof(TypeParam) == 4;
      const double roundoff = integers ? 0 : kRoundoffOf<TypeParam>;
      const double square_terms = single ? cpu::kExactTerms : static_cast<double>(shape.width);
      const double gradient_terms =
          single ? cpu::kExactTerms : static_cast<double>(std::max(shape.rows, shape.columns));
      std::vector<double> a_magnitude(a.size(), 1), b_magnitude(b.size(), 1);
      for (std::int64_t cell = 0; cell < shape.rows * shape.columns; ++cell) {
        const std::int64_t i = cell / shape.columns, j = cell % shape.columns;
        for (std::int64_t e = 0; e < shape.width; ++e) {
          const double term = 2 * std::abs(static_cast<double>(upstream.view().rows[cell])) *
                              std::abs(static_cast<double>(a.view().row(i)[e] - b.view().row(j)[e]));
          a_magnitude[static_cast<std::size_t>(i * shape.width + e)] += term;
          b_magnitude[static_cast<std::size_t>(j * shape.width + e)] += term;
        }
      }
      for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
        for (const int threads : {1, 3}) {
          Aligned<std::byte> workspace(
              static_cast<std::int64_t>(std::max(cpu::pairwise_distances_workspace_bytes<TypeParam>(b.count, b.width),
                                                 cpu::pairwise_gradient_workspace_bytes<TypeParam>(a.count, b.count))));
          std::vector<TypeParam> squares(expected.size(), -7);
          cpu::pairwise_squares(a.view(), b.view(), squares.data(), workspace.data(), threads, variant);
          Gradients<TypeParam> found{std::vector<TypeParam>(a.size(), 1), std::vector<TypeParam>(b.size(), 1)};
          cpu::pairwise_squares_gradient(a.view(), b.view(), upstream.view().rows, found.a.data(), found.b.data(),
                                         workspace.data(), threads, variant);
          const auto check = [&](const std::vector<TypeParam>& some, const std::vector<TypeParam>& others, double terms,
                                 const std::vector<double>* magnitudes) {
            for (std::size_t k = 0; k < some.size(); ++k) {
              const auto other = static_cast<double>(others[k]);
              ASSERT_NEAR(static_cast<double>(some[k]), other,
                          terms * roundoff * (magnitudes == nullptr ? other : (*magnitudes)[k]))
                  << variant.name << " " << to_string(shape);
            }
          };
          check(squares, expected, square_terms + 5, nullptr);
          check(found.a, gradient.a, gradient_terms + 7, &a_magnitude);
          check(found.b, gradient.b, gradient_terms + 7, &b_magnitude);
        }
      });
    }
  }
}

TYPED_TEST(PairwiseKernels, SquaresHaveNoSmallest) {
  const Rows<TypeParam> a(3, 2, [](std::int64_t i, std::int64_t) { return 1e-9 * static_cast<double>(i); });
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    Aligned<std::byte> workspace(static_cast<std::int64_t>(cpu::pairwise_distances_workspace_bytes<TypeParam>(3, 2)));
    std::vector<TypeParam> squares(9);
    cpu::pairwise_squares(a.view(), a.view(), squares.data(), workspace.data(), 1, variant);
    EXPECT_EQ(squares[0], 0) << variant.name;
    EXPECT_NEAR(static_cast<double>(squares[2]), 8e-18, 1e-23) << variant.name;
  });
}

TYPED_TEST(PairwiseKernels, IdenticalRowsAreAtTheSmallestDistanceAndHaveNoGradient) {
  for (const std::int64_t width : {3, 32, 50}) {
    const Rows<TypeParam> all_equal(20, width,
                                    [](std::int64_t, std::int64_t e) { return 0.1 * static_cast<double>(e); });
    for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
      const std::vector<TypeParam> distances = distances_by(all_equal, all_equal, 1, variant);
      EXPECT_EQ(distances, std::vector<TypeParam>(400, smallest_distance<TypeParam>())) << variant.name;
      const Gradients<TypeParam> none{std::vector<TypeParam>(all_equal.size(), 1),
                                      std::vector<TypeParam>(all_equal.size(), 1)};
      EXPECT_TRUE(gradient_by(all_equal, all_equal, distances, std::vector<TypeParam>(400, 5), 1, variant) == none)
          << variant.name;
    });
  }
}

TEST(Pairwise, GradientIsTheDerivative) {
  std::mt19937 generator(9);
  const auto draw = [&](std::int64_t, std::int64_t) { return std::normal_distribution<double>()(generator); };
  Rows<double> a(5, 19, draw), b(4, 19, draw);
  const Rows<double> upstream(5, 4, draw);
  const std::vector<double> gradient(upstream.view().rows, upstream.view().rows + upstream.size());
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    const auto loss = [&] {
      const std::vector<double> distances = distances_by(a, b, 1, variant);
      double sum = 0;
      for (std::size_t k = 0; k < distances.size(); ++k) sum += gradient[k] * distances[k];
      return sum;
    };
    const Gradients<double> found = gradient_by(a, b, distances_by(a, b, 1, variant), gradient, 1, variant);
    constexpr double kStep = 1e-5;  // error: step^2 times a third derivative below 10, roundings of 20 over the step
    for (auto* const rows : {&a, &b}) {
      for (std::int64_t i = 0; i < rows->count; ++i) {
        for (std::int64_t e = 0; e < rows->width; e += 3) {
          const double kept = rows->at(i, e);
          rows->at(i, e) = kept + kStep;
          const double above = loss();
          rows->at(i, e) = kept - kStep;
          const double below = loss();
          rows->at(i, e) = kept;
          const double expected = (rows == &a ? found.a : found.b)[static_cast<std::size_t>(i * 19 + e)] - 1;
          EXPECT_NEAR((above - below) / (2 * kStep), expected, 2e-9) << variant.name;
        }
      }
    }
  });
}

// ---- compare_rows

constexpr std::int64_t kKept = 4;

/// All outputs; lists may hold what came before.
struct Compared {
  std::vector<double> distances;
  std::vector<std::int64_t> nearest_of_rows, nearest_of_columns;
  std::vector<double> row_squares, column_squares;
  std::vector<std::int64_t> row_candidates, column_candidates;

  Compared(std::int64_t rows, std::int64_t columns)
      : distances(static_cast<std::size_t>(rows * columns), std::nan("")),
        nearest_of_rows(static_cast<std::size_t>(rows), -7),
        nearest_of_columns(static_cast<std::size_t>(columns), -7),
        row_squares(static_cast<std::size_t>(rows * kKept), std::numeric_limits<double>::infinity()),
        column_squares(static_cast<std::size_t>(columns * kKept), std::numeric_limits<double>::infinity()),
        row_candidates(row_squares.size(), -1),
        column_candidates(column_squares.size(), -1) {}

  Comparison comparison(std::int64_t first_row, std::int64_t first_column, bool with_distances = true) {
    return {with_distances ? distances.data() : nullptr,
            nearest_of_rows.data(),
            nearest_of_columns.data(),
            {row_squares.data(), row_candidates.data(), kKept},
            {column_squares.data(), column_candidates.data(), kKept},
            first_row,
            first_column};
  }
};

template <typename Real>
void compare_by(const Rows<Real>& a, const Rows<Real>& b, const Comparison& comparison, int threads,
                const cpu::AlignmentVariant& variant) {
  Aligned<std::byte> workspace(static_cast<std::int64_t>(
      cpu::compare_rows_workspace_bytes(a.count, b.count, a.width, comparison.of_columns.kept, threads)));
  cpu::compare_rows(a.view(), b.view(), comparison, workspace.data(), threads, variant);
}

void expect_compared(const Compared& found, const Compared& expected, double tolerance, const std::string& name) {
  EXPECT_EQ(found.nearest_of_rows, expected.nearest_of_rows) << name;
  EXPECT_EQ(found.nearest_of_columns, expected.nearest_of_columns) << name;
  EXPECT_EQ(found.row_candidates, expected.row_candidates) << name;
  EXPECT_EQ(found.column_candidates, expected.column_candidates) << name;
  EXPECT_EQ(found.row_squares, expected.row_squares) << name;
  EXPECT_EQ(found.column_squares, expected.column_squares) << name;
  for (std::size_t k = 0; k < found.distances.size(); ++k) {
    ASSERT_NEAR(found.distances[k], expected.distances[k], tolerance * expected.distances[k]) << name << " at " << k;
  }
}

/// a with b, then with a second video whose numbers come before b's, into the same lists.
template <typename Real>
void expect_the_references_comparison(const Rows<Real>& a, const Rows<Real>& b, const std::string& name) {
  const double width = static_cast<double>(a.width);
  const double tolerance = a.width <= cpu::kNarrowWidth ? 0 : (2 * width + 16) * cpu::kCancellation * 0x1p-53;
  Rows<Real> second = b;
  for (std::int64_t e = 0; e < b.width; ++e) second.at(0, e) = a.view().row(0)[e];
  Compared expected(a.count, b.count);
  reference::compare_rows(a.view(), b.view(), expected.comparison(7, 1000));
  Compared after = expected;
  reference::compare_rows(a.view(), second.view(), after.comparison(3, 20));
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    for (const int threads : {1, 3}) {
      const std::string run = std::string(variant.name) + " " + name + " threads " + std::to_string(threads);
      Compared found(a.count, b.count);
      compare_by(a, b, found.comparison(7, 1000), threads, variant);
      expect_compared(found, expected, tolerance, run);
      compare_by(a, second, found.comparison(3, 20), threads, variant);
      expect_compared(found, after, tolerance, run + ", second");
    }
  });
}

const std::vector<PairShape>& comparison_shapes() {
  static const std::vector<PairShape> kShapes{{1, 1, 1},   {1, 9, 2},     {3, 1, 33},     {8, 24, 16},  {9, 25, 17},
                                              {65, 47, 8}, {70, 530, 20}, {130, 26, 128}, {12, 30, 700}};
  return kShapes;
}

template <typename Real>
class CompareRows : public PairwiseKernels<Real> {};
TYPED_TEST_SUITE(CompareRows, Reals);

TYPED_TEST(CompareRows, IsTheReferencesOnIntegersWithManyTies) {
  for (const PairShape& shape : comparison_shapes()) {
    const Rows<TypeParam> a(shape.rows, shape.width, this->integers(1)),
        b(shape.columns, shape.width, this->integers(1));
    expect_the_references_comparison(a, b, to_string(shape));
  }
}

TYPED_TEST(CompareRows, IsTheReferencesOnReals) {
  for (const PairShape& shape : comparison_shapes()) {
    const Rows<TypeParam> a(shape.rows, shape.width, this->reals()), b(shape.columns, shape.width, this->reals());
    expect_the_references_comparison(a, b, to_string(shape));
  }
}

/// Rows that follow each other closely, far from 0: products alone could not tell them apart.
TYPED_TEST(CompareRows, IsTheReferencesWhereProductsCancel) {
  for (const double step : {1e-3, 1e-6}) {
    const auto draw = [&](std::int64_t i, std::int64_t e) {
      return 100 + static_cast<double>(e) +
             step * static_cast<double>(i) * std::normal_distribution<double>()(this->generator_);
    };
    expect_the_references_comparison(Rows<TypeParam>(90, 40, draw), Rows<TypeParam>(70, 40, draw), "close");
  }
}

/// Equal rows in different places of panels, patches and calls.
TYPED_TEST(CompareRows, EqualRowsAreAnExactTie) {
  std::vector<double> row(50);
  for (double& number : row) number = std::normal_distribution<double>()(this->generator_);
  const auto reals = this->reals();
  const auto some_equal = [&](std::int64_t i, std::int64_t e) {
    return i % 11 == 5 ? row[static_cast<std::size_t>(e)] : reals(i, e);
  };
  const Rows<TypeParam> a(75, 50, some_equal), b(520, 50, some_equal);
  expect_the_references_comparison(a, b, "some equal");
  const auto all_equal = [&](std::int64_t, std::int64_t e) { return row[static_cast<std::size_t>(e)]; };
  const Rows<TypeParam> collapsed(75, 50, all_equal);
  expect_the_references_comparison(collapsed, collapsed, "collapsed");
  Compared found(75, 75);
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    compare_by(collapsed, collapsed, found.comparison(0, 0), 1, variant);
    EXPECT_EQ(found.nearest_of_rows, std::vector<std::int64_t>(75, 0)) << variant.name;
    EXPECT_EQ(found.distances, std::vector<double>(75 * 75, 0)) << variant.name;
  });
}

TYPED_TEST(CompareRows, LeavesOutWhatIsNotAskedFor) {
  const Rows<TypeParam> a(70, 24, this->reals()), b(60, 24, this->reals());
  Compared expected(70, 60);
  reference::compare_rows(a.view(), b.view(), expected.comparison(0, 0));
  const Compared untouched(70, 60);
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    for (const int threads : {1, 2}) {
      for (int left_out = 0; left_out < 5; ++left_out) {
        Compared found(70, 60), wanted = expected;
        Comparison comparison = found.comparison(0, 0);
        if (left_out == 0) comparison.distances = nullptr, wanted.distances.clear(), found.distances.clear();
        if (left_out == 1) comparison.nearest_of_rows = nullptr, wanted.nearest_of_rows = untouched.nearest_of_rows;
        if (left_out == 2)
          comparison.nearest_of_columns = nullptr, wanted.nearest_of_columns = untouched.nearest_of_columns;
        if (left_out == 3) {
          comparison.of_rows = {};
          wanted.row_squares = untouched.row_squares, wanted.row_candidates = untouched.row_candidates;
        }
        if (left_out == 4) {
          comparison.of_columns = {};
          wanted.column_squares = untouched.column_squares, wanted.column_candidates = untouched.column_candidates;
        }
        compare_by(a, b, comparison, threads, variant);
        expect_compared(found, wanted, 1e-11, std::string(variant.name) + " without " + std::to_string(left_out));
      }
    }
  });
}

}  // namespace
}  // namespace alignment::kernels::testing
