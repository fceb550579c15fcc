// What an alignment of one sample is made of, against the search that evaluation uses, to the bit, and against the f64
// reference.
#include "src/dejavid/evaluation/sample_alignment.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/cost.hpp"
#include "kernels/warp.hpp"
#include "src/dejavid/cpu/aligned_buffer.hpp"

namespace alignment::dejavid {
namespace {

struct Problem {
  Model model;
  std::vector<float> rows;  // [T,F]
  std::int64_t length;

  Problem(std::int64_t classes, std::int64_t steps, std::int64_t length_given, std::int64_t features, bool diagonal)
      : length(length_given) {
    model.classes = classes;
    model.steps = steps;
    model.feature_dim = features;
    model.diagonal = diagonal;
    std::mt19937 generator(7);
    std::normal_distribution<float> draw;
    model.centroids.resize(static_cast<std::size_t>(model.element_count()));
    model.log_weights.resize(model.centroids.size());
    rows.resize(static_cast<std::size_t>(length * features));
    for (auto* numbers : {&model.centroids, &model.log_weights, &rows}) {
      for (float& number : *numbers) number = draw(generator);
    }
  }

  /// Distances and breakpoints to all classes at once, as evaluation has them.
  void search(std::vector<double>& distances, std::vector<std::int32_t>& breakpoints) const {
    std::vector<float> weights;
    for (const float log_weight : model.log_weights) weights.push_back(std::exp(log_weight));
    AlignedBuffer<float> panels, features;
    const auto packed = kernels::cpu::pack_parameters(
        {model.centroids.data(), weights.data(), model.classes, model.steps, model.feature_dim},
        panels.reserve(kernels::packed_parameter_count(model.classes, model.steps, model.feature_dim)), 1);
    float* const blocked = features.reserve(kernels::blocked_count(length, model.feature_dim));
    kernels::cpu::to_blocks(rows.data(), length, model.feature_dim, blocked, 1);
    const float* pointer = blocked;
    const std::vector<std::int64_t> offsets{0, length};
    const kernels::BlockedSamples sample{&pointer, offsets.data(), 1, model.feature_dim};
    distances.resize(static_cast<std::size_t>(model.classes));
    breakpoints.resize(static_cast<std::size_t>(model.classes * (model.steps - 1)));
    AlignedBuffer<std::byte> workspace;
    kernels::cpu::search_paths(packed, sample, model.diagonal, breakpoints.data(), distances.data(),
                               workspace.reserve(kernels::cpu::search_paths_workspace_bytes(packed, sample, 1)), 1);
  }
};

TEST(SampleAlignment, HasThePathsAndDistancesOfEvaluation) {
  for (const bool diagonal : {false, true}) {
    for (const auto& [classes, steps, length, features] :
         {std::tuple{5, 6, 11, 70}, std::tuple{40, 8, 30, 3}, std::tuple{2, 1, 7, 5}, std::tuple{3, 4, 1, 1},
          std::tuple{18, 9, 2, 130}}) {
      const Problem problem(classes, steps, length, features, diagonal);
      std::vector<double> distances;
      std::vector<std::int32_t> breakpoints;
      problem.search(distances, breakpoints);
      for (std::int32_t first = 0; first < classes; ++first) {
        const std::vector<std::int32_t> asked{first, (first + 1) % classes};
        const std::vector<ClassAlignment> found = align_sample(problem.model, problem.rows, asked);
        ASSERT_EQ(found.size(), 2U);
        for (std::size_t n = 0; n < 2; ++n) {
          EXPECT_EQ(found[n].label, asked[n]);
          EXPECT_EQ(found[n].distance, distances[static_cast<std::size_t>(asked[n])]);
          for (std::int64_t step = 0; step < steps; ++step) {
            const auto range =
                kernels::row_columns(breakpoints.data() + asked[n] * (steps - 1), step, steps, problem.length);
            EXPECT_EQ(found[n].columns[static_cast<std::size_t>(step)].first, range.first);
            EXPECT_EQ(found[n].columns[static_cast<std::size_t>(step)].last, range.last);
          }
        }
      }
    }
  }
}

TEST(SampleAlignment, CostsAreThoseOfTheReference) {
  const Problem problem(3, 4, 6, 20, false);
  std::vector<float> weights;
  for (const float log_weight : problem.model.log_weights) weights.push_back(std::exp(log_weight));
  const std::int64_t stride = kernels::cost_stride(3, 4);
  std::vector<double> expected(static_cast<std::size_t>(6 * stride));
  const std::vector<std::int64_t> offsets{0, 6};
  kernels::reference::cost_matrices(
      kernels::ParametersView<float>{problem.model.centroids.data(), weights.data(), 3, 4, 20},
      kernels::SamplesView<float>{problem.rows.data(), offsets.data(), 1, 20}, expected.data());
  const std::vector<std::int32_t> asked{2, 0};
  for (const ClassAlignment& one : align_sample(problem.model, problem.rows, asked)) {
    double sum = 0;
    for (std::int64_t step = 0; step < 4; ++step) {
      double along = 0;
      const kernels::ColumnRange range = one.columns[static_cast<std::size_t>(step)];
      for (std::int64_t frame = 0; frame < 6; ++frame) {
        const double cost = expected[static_cast<std::size_t>(frame * stride + step * 3 + one.label)];
        EXPECT_NEAR(one.cost[static_cast<std::size_t>(step * 6 + frame)], cost, 1e-5 * cost);
        if (frame >= range.first && frame <= range.last) along += cost;
      }
      EXPECT_NEAR(one.step_costs[static_cast<std::size_t>(step)], along, 1e-5 * along);
      sum += one.step_costs[static_cast<std::size_t>(step)];
    }
    EXPECT_NEAR(one.distance, sum, 1e-12 * sum);
  }
}

}  // namespace
}  // namespace alignment::dejavid
