#include "kernels/pairwise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

using CudaPairwise = OnDevice;

struct PairShape {
  std::int64_t rows, columns, width;
};

/// Around tiles of 16, and 128 features.
const std::vector<PairShape>& shapes_of_pairs() {
  static const std::vector<PairShape> kShapes{{1, 1, 1},    {1, 17, 3},  {17, 1, 16},   {15, 16, 17},
                                              {33, 20, 32}, {5, 140, 7}, {20, 12, 129}, {130, 3, 300}};
  return kShapes;
}

template <typename Real>
std::vector<Real> numbers(std::int64_t count, const std::function<double()>& draw) {
  std::vector<Real> result(static_cast<std::size_t>(count));
  for (Real& number : result) number = static_cast<Real>(draw());
  return result;
}

template <typename Real>
double difference(Real one, Real other) {
  return std::abs(static_cast<double>(one) - static_cast<double>(other));
}

/// Distances and gradients against the reference, off by at most so many roundings of Real; see pairwise.hpp.
template <typename Real>
void expect_the_references(const PairShape& shape, const std::function<double()>& draw, bool exact,
                           cuda::Stream stream) {
  const auto [rows, columns, width] = shape;
  const std::vector<Real> a = numbers<Real>(rows * width, draw), b = numbers<Real>(columns * width, draw);
  std::vector<Real> expected(static_cast<std::size_t>(rows * columns));
  reference::pairwise_distances<Real>({a.data(), rows, width}, {b.data(), columns, width}, expected.data());
  DeviceArray<Real> device_a(a), device_b(b), distances(rows * columns);
  const RowsView<Real> a_view{device_a.data(), rows, width}, b_view{device_b.data(), columns, width};
  cuda::pairwise_distances(a_view, b_view, distances.data(), stream);
  const std::vector<Real> found = distances.values();
  constexpr double kRounding = static_cast<double>(std::numeric_limits<Real>::epsilon()) / 2;
  const double distance_error = exact ? 0 : (static_cast<double>(width + 4) / 2 + 1) * kRounding;
  for (std::size_t k = 0; k < found.size(); ++k)
    ASSERT_LE(difference(found[k], expected[k]), distance_error * static_cast<double>(expected[k])) << k;

  // Integers: powers of two as distances, so that all is exact.
  if (exact) {
    for (std::size_t k = 0; k < expected.size(); ++k) expected[k] = k % 3 == 0 ? smallest_distance<Real>() : Real{4};
  }
  const std::vector<Real> upstream = numbers<Real>(rows * columns, draw);
  std::vector<Real> a_expected(a.size(), 1), b_expected(b.size(), 1);
  reference::pairwise_gradient<Real>({a.data(), rows, width}, {b.data(), columns, width}, expected.data(),
                                     upstream.data(), a_expected.data(), b_expected.data());
  DeviceArray<Real> device_distances(expected), device_upstream(upstream);
  DeviceArray<Real> a_gradient(std::vector<Real>(a.size(), 1)), b_gradient(std::vector<Real>(b.size(), 1));
  cuda::pairwise_gradient(a_view, b_view, device_distances.data(), device_upstream.data(), a_gradient.data(),
                          b_gradient.data(), stream);
  double largest = 1;  // a term's magnitude
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const auto cell = static_cast<std::size_t>(i * columns + j);
      for (std::int64_t e = 0; e < width; ++e) {
        const double term =
            difference(a[static_cast<std::size_t>(i * width + e)], b[static_cast<std::size_t>(j * width + e)]);
        largest = std::max(largest, std::abs(static_cast<double>(upstream[cell] / expected[cell])) * term);
      }
    }
  }
  const auto terms = static_cast<double>(std::max(rows, columns));
  const double error = exact ? 0 : (terms + 6) * kRounding * (terms + 1) * largest;
  const std::vector<Real> a_found = a_gradient.values(), b_found = b_gradient.values();
  for (std::size_t k = 0; k < a.size(); ++k) ASSERT_LE(difference(a_found[k], a_expected[k]), error) << k;
  for (std::size_t k = 0; k < b.size(); ++k) ASSERT_LE(difference(b_found[k], b_expected[k]), error) << k;
}

TEST_F(CudaPairwise, EqualsTheReferenceOnIntegers) {
  std::mt19937 generator(1);
  const auto integers = [&] { return static_cast<double>(std::uniform_int_distribution<int>(-3, 3)(generator)); };
  for (const PairShape& shape : shapes_of_pairs()) {
    expect_the_references<float>(shape, integers, true, stream());
    expect_the_references<double>(shape, integers, true, stream());
  }
}

TEST_F(CudaPairwise, FollowsTheReferenceOnReals) {
  std::mt19937 generator(2);
  const auto reals = [&] { return std::normal_distribution<double>()(generator); };
  for (const PairShape& shape : shapes_of_pairs()) {
    expect_the_references<float>(shape, reals, false, stream());
    expect_the_references<double>(shape, reals, false, stream());
  }
}

TEST_F(CudaPairwise, IdenticalRowsAreAtTheSmallestDistanceAndHaveNoGradient) {
  DeviceArray<float> rows(std::vector<float>(40, 0.3F)), distances(64), upstream(std::vector<float>(64, 5));
  DeviceArray<float> gradient(std::vector<float>(40, 1));
  const RowsView<float> view{rows.data(), 8, 5};
  cuda::pairwise_distances(view, view, distances.data(), stream());
  EXPECT_EQ(distances.values(), std::vector<float>(64, smallest_distance<float>()));
  DeviceArray<float> other(std::vector<float>(40, 1));
  cuda::pairwise_gradient(view, view, distances.data(), upstream.data(), gradient.data(), other.data(), stream());
  EXPECT_EQ(gradient.values(), std::vector<float>(40, 1));
  EXPECT_EQ(other.values(), std::vector<float>(40, 1));
}

}  // namespace
}  // namespace alignment::kernels::testing
