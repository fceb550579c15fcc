// What the operations for torch compute, without torch: so sanitizers see it, with arrays that end where the numbers
// do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "kernels/along_path.hpp"
#include "kernels/pairwise.hpp"
#include "kernels/soft_dtw.hpp"
#include "kernels/warp.hpp"
#include "src/operations/soft_dtw.hpp"
#include "src/operations/weighted_dtw.hpp"

namespace alignment::operations {
namespace {

template <typename Real>
std::vector<Real> drawn(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<Real> numbers(static_cast<std::size_t>(count));
  for (Real& number : numbers) number = static_cast<Real>(std::normal_distribution<double>()(generator));
  return numbers;
}

std::vector<std::int64_t> offsets_of(const std::vector<std::int64_t>& lengths) {
  std::vector<std::int64_t> offsets{0};
  for (const std::int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

template <typename Real>
std::vector<double> wide(const std::vector<Real>& numbers) {
  return {numbers.begin(), numbers.end()};
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 1;
  for (const double number : expected) largest = std::max(largest, std::abs(number));
  for (std::size_t k = 0; k < found.size(); ++k) EXPECT_NEAR(found[k], expected[k], tolerance * largest) << k;
}

template <typename Real>
class Operations : public ::testing::Test {
 protected:
  /// What the few hundred roundings of a sum can make of a number.
  static constexpr double kTolerance = sizeof(Real) == 4 ? 1e-4 : 1e-11;
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Operations, Reals);

TYPED_TEST(Operations, WeightedDtwIsTheReferences) {
  for (const auto& lengths : std::vector<std::vector<std::int64_t>>{{1}, {7, 1, 20, 3}, {}}) {
    for (const auto& [classes, steps, feature_dim] : std::vector<kernels::Extents>{{1, 1, 1}, {3, 5, 7}, {2, 4, 130}}) {
      const std::vector<std::int64_t> offsets = offsets_of(lengths);
      const auto count = static_cast<std::int64_t>(lengths.size());
      const kernels::Extents extents{classes, steps, feature_dim};
      const auto features = drawn<TypeParam>(offsets.back() * feature_dim, 1);
      const auto centroids = drawn<TypeParam>(extents.element_count(), 2);
      const auto log_weights = drawn<TypeParam>(extents.element_count(), 3);
      std::vector<TypeParam> weights(log_weights);
      for (TypeParam& weight : weights) weight = std::exp(weight);
      const kernels::SamplesView<TypeParam> samples{features.data(), offsets.data(), count, feature_dim};
      const kernels::ParametersView<TypeParam> parameters{centroids.data(), weights.data(), classes, steps,
                                                          feature_dim};
      const auto pairs = static_cast<std::size_t>(count * classes);
      const auto gradient = drawn<TypeParam>(count * classes, 4);
      for (const bool diagonal : {false, true}) {
        for (const int threads : {1, 3}) {
          const WeightedDtw<TypeParam> input{samples, centroids.data(), log_weights.data(), extents};
          std::vector<TypeParam> distances(pairs), centroid_gradient(centroids.size()),
              log_weight_gradient(centroids.size()), feature_gradient(features.size());
          std::vector<std::int32_t> paths(pairs * static_cast<std::size_t>(steps - 1));
          weighted_dtw(input, diagonal, distances.data(), paths.data(), threads);
          weighted_dtw_parameter_gradient(input, paths.data(), gradient.data(), centroid_gradient.data(),
                                          log_weight_gradient.data(), threads);
          weighted_dtw_feature_gradient(input, paths.data(), gradient.data(), feature_gradient.data(), threads);

          std::vector<double> expected(pairs), slope(centroids.size()), magnitude(centroids.size());
          std::vector<TypeParam> expected_features(features.size());
          kernels::reference::distances_along_paths(parameters, samples, paths.data(), expected.data());
          kernels::reference::gradient_along_paths(parameters, samples, paths.data(), gradient.data(),
                                                   kernels::TieSign::kZero, slope.data(), magnitude.data());
          kernels::reference::feature_gradient_along_paths(parameters, samples, paths.data(), gradient.data(),
                                                           expected_features.data());
          for (std::size_t k = 0; k < slope.size(); ++k) {
            slope[k] *= static_cast<double>(weights[k]);
            magnitude[k] *= static_cast<double>(weights[k]);
          }
          expect_near(wide(distances), expected, this->kTolerance);
          expect_near(wide(centroid_gradient), slope, this->kTolerance);
          expect_near(wide(log_weight_gradient), magnitude, this->kTolerance);
          expect_near(wide(feature_gradient), wide(expected_features), this->kTolerance);
        }
      }
    }
  }
}

TYPED_TEST(Operations, SoftDtwIsTheReferences) {
  for (const auto& [a_lengths, b_lengths] :
       std::vector<std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>>>{
           {{1}, {1}}, {{5, 1, 40, 33}, {3, 18, 1, 35}}, {{}, {}}}) {
    for (const StepCost cost : {StepCost::kSquaredEuclidean, StepCost::kEuclidean}) {
      const std::vector<std::int64_t> a_offsets = offsets_of(a_lengths), b_offsets = offsets_of(b_lengths);
      const auto count = static_cast<std::int64_t>(a_lengths.size());
      constexpr std::int64_t kFeatures = 5;
      const auto a = drawn<TypeParam>(a_offsets.back() * kFeatures, 1);
      const auto b = drawn<TypeParam>(b_offsets.back() * kFeatures, 2);
      const auto upstream = drawn<TypeParam>(count, 3);
      const SequencePairs<TypeParam> pairs{a.data(), a_offsets.data(), b.data(), b_offsets.data(),
                                           count,    kFeatures,        cost,     0.5};
      std::vector<double> expected(upstream.size());
      std::vector<TypeParam> a_expected(a.size()), b_expected(b.size());
      std::vector<TypeParam> matrices, shares;
      std::vector<std::int64_t> offsets;
      for (std::int64_t p = 0; p < count; ++p) {
        const auto at = static_cast<std::size_t>(p);
        const kernels::RowsView<TypeParam> rows{a.data() + a_offsets[at] * kFeatures, a_lengths[at], kFeatures};
        const kernels::RowsView<TypeParam> columns{b.data() + b_offsets[at] * kFeatures, b_lengths[at], kFeatures};
        std::vector<TypeParam> costs(static_cast<std::size_t>(rows.count * columns.count)), alignment(costs.size());
        cost == StepCost::kEuclidean ? kernels::reference::pairwise_distances(rows, columns, costs.data())
                                     : kernels::reference::pairwise_squares(rows, columns, costs.data());
        const std::int64_t zero = 0;
        kernels::reference::soft_dtw<TypeParam>({costs.data(), &zero, &rows.count, &columns.count, 1}, pairs.gamma,
                                                &expected[at], alignment.data());
        for (TypeParam& share : alignment) share *= upstream[at];
        TypeParam* const a_part = a_expected.data() + a_offsets[at] * kFeatures;
        TypeParam* const b_part = b_expected.data() + b_offsets[at] * kFeatures;
        cost == StepCost::kEuclidean
            ? kernels::reference::pairwise_gradient(rows, columns, costs.data(), alignment.data(), a_part, b_part)
            : kernels::reference::pairwise_squares_gradient(rows, columns, alignment.data(), a_part, b_part);
        offsets.push_back(static_cast<std::int64_t>(matrices.size()));
        matrices.insert(matrices.end(), costs.begin(), costs.end());
        shares.insert(shares.end(), alignment.begin(), alignment.end());
      }
      for (const int threads : {1, 3}) {
        std::vector<TypeParam> values(upstream.size()), a_gradient(a.size()), b_gradient(b.size());
        soft_dtw(pairs, values.data(), threads);
        soft_dtw_gradient(pairs, upstream.data(), a_gradient.data(), b_gradient.data(), threads);
        expect_near(wide(values), expected, this->kTolerance);
        expect_near(wide(a_gradient), wide(a_expected), this->kTolerance);
        expect_near(wide(b_gradient), wide(b_expected), this->kTolerance);

        const kernels::MatricesView<TypeParam> view{matrices.data(), offsets.data(), a_lengths.data(), b_lengths.data(),
                                                    count};
        std::vector<TypeParam> gradient(matrices.size());
        soft_dtw_of_distances(view, pairs.gamma, values.data(), threads);
        soft_dtw_of_distances_gradient(view, pairs.gamma, upstream.data(), gradient.data(), threads);
        expect_near(wide(values), expected, this->kTolerance);
        expect_near(wide(gradient), wide(shares), this->kTolerance);
      }
    }
  }
}

TEST(AnyOperation, ThreadsChangeNothing) {
  constexpr std::int64_t kPairs = 300, kSteps = 40, kFeatures = 3;
  std::vector<std::int64_t> offsets;
  for (std::int64_t k = 0; k <= kPairs; ++k) offsets.push_back(k * kSteps);
  const std::vector<float> a = drawn<float>(kPairs * kSteps * kFeatures, 1),
                           b = drawn<float>(kPairs * kSteps * kFeatures, 2);
  const std::vector<float> upstream = drawn<float>(kPairs, 3);
  const SequencePairs<float> pairs{a.data(), offsets.data(), b.data(), offsets.data(), kPairs, kFeatures};
  const auto compute = [&](int threads) {
    std::vector<float> found(static_cast<std::size_t>(kPairs) + 2 * a.size());
    soft_dtw(pairs, found.data(), threads);
    soft_dtw_gradient(pairs, upstream.data(), found.data() + kPairs, found.data() + kPairs + std::ssize(a), threads);
    return found;
  };
  EXPECT_EQ(compute(4), compute(1));
}

TEST(AnyOperation, AFailureOnAnyThreadComesBack) {
  std::vector<double> a = drawn<double>(40, 1);
  std::vector<std::int64_t> offsets(21);
  for (std::size_t k = 0; k < offsets.size(); ++k) offsets[k] = 2 * static_cast<std::int64_t>(k);
  a[31] = std::nan("");
  std::vector<double> values(20);
  const SequencePairs<double> pairs{a.data(), offsets.data(), a.data(), offsets.data(), 20, 1};
  for (const int threads : {1, 3}) EXPECT_THROW(soft_dtw(pairs, values.data(), threads), std::invalid_argument);
}

}  // namespace
}  // namespace alignment::operations
