#include "src/dejavid/evaluation/sample_alignment.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/cost.hpp"
#include "kernels/warp.hpp"
#include "src/dejavid/cpu/aligned_buffer.hpp"

namespace alignment::dejavid {
namespace {

/// The costs of the path from the last cell to the first, in the order in which a search adds them.
double path_cost(const ClassAlignment& one, std::int64_t length) {
  double sum = 0;
  for (std::size_t step = one.columns.size(); step-- > 0;) {
    const kernels::ColumnRange range = one.columns[step];
    for (std::int64_t frame = range.last; frame >= range.first; --frame) {
      sum += one.cost[step * static_cast<std::size_t>(length) + static_cast<std::size_t>(frame)];
    }
  }
  return sum;
}

}  // namespace

std::vector<ClassAlignment> align_sample(const Model& model, std::span<const float> rows,
                                         std::span<const std::int32_t> classes) {
  constexpr int kThreads = 1;
  const auto length = static_cast<std::int64_t>(rows.size()) / model.feature_dim;
  const auto class_elements = static_cast<std::size_t>(model.steps * model.feature_dim);

  // The classes in question, as a model of their own.
  std::vector<float> centroids, weights;
  for (const std::int32_t label : classes) {
    const std::size_t first = static_cast<std::size_t>(label) * class_elements;
    for (std::size_t n = first; n < first + class_elements; ++n) {
      centroids.push_back(model.centroids[n]);
      weights.push_back(std::exp(model.log_weights[n]));
    }
  }
  const auto count = static_cast<std::int64_t>(classes.size());
  const kernels::ParametersView<float> parameters{centroids.data(), weights.data(), count, model.steps,
                                                  model.feature_dim};
  AlignedBuffer<float> panels, features, costs;
  const kernels::PackedParameters packed = kernels::cpu::pack_parameters(
      parameters, panels.reserve(kernels::packed_parameter_count(count, model.steps, model.feature_dim)), kThreads);
  float* const blocked = features.reserve(kernels::blocked_count(length, model.feature_dim));
  kernels::cpu::to_blocks(rows.data(), length, model.feature_dim, blocked, kThreads);
  const std::array<const float*, 1> pointers{blocked};
  const std::array<std::int64_t, 2> offsets{0, length};
  const kernels::BlockedSamples sample{pointers.data(), offsets.data(), 1, model.feature_dim};

  std::vector<std::int32_t> breakpoints(static_cast<std::size_t>(count * (model.steps - 1)));
  AlignedBuffer<std::byte> workspace;
  kernels::cpu::search_paths(packed, sample, model.diagonal, breakpoints.data(), nullptr,
                             workspace.reserve(static_cast<std::int64_t>(
                                 kernels::cpu::search_paths_workspace_bytes(packed, sample, kThreads))),
                             kThreads);
  const std::int64_t stride = kernels::cost_stride(count, model.steps);
  const float* const cost = costs.reserve(length * stride);
  kernels::cpu::cost_matrices(packed, sample, 0, 1, costs.data());

  std::vector<ClassAlignment> alignments;
  for (std::int64_t c = 0; c < count; ++c) {
    ClassAlignment one{.label = classes[static_cast<std::size_t>(c)], .cost = {}, .columns = {}, .step_costs = {}};
    for (std::int64_t step = 0; step < model.steps; ++step) {
      const kernels::ColumnRange range =
          kernels::row_columns(breakpoints.data() + c * (model.steps - 1), step, model.steps, length);
      one.columns.push_back(range);
      one.step_costs.push_back(0);
      for (std::int64_t frame = 0; frame < length; ++frame) {
        one.cost.push_back(cost[frame * stride + step * count + c]);
        if (frame >= range.first && frame <= range.last) one.step_costs.back() += one.cost.back();
      }
    }
    one.distance = path_cost(one, length);
    alignments.push_back(std::move(one));
  }
  return alignments;
}

std::vector<double> feature_costs(const Model& model, std::span<const float> rows, const ClassAlignment& one) {
  const auto width = static_cast<std::size_t>(model.feature_dim);
  std::vector<double> costs(width);
  for (std::size_t step = 0; step < one.columns.size(); ++step) {
    const std::size_t parameter = (static_cast<std::size_t>(one.label * model.steps) + step) * width;
    for (std::int64_t frame = one.columns[step].first; frame <= one.columns[step].last; ++frame) {
      const std::span<const float> row = rows.subspan(static_cast<std::size_t>(frame) * width, width);
      for (std::size_t f = 0; f < width; ++f) {
        const double weight = std::exp(static_cast<double>(model.log_weights[parameter + f]));
        costs[f] +=
            weight * std::fabs(static_cast<double>(model.centroids[parameter + f]) - static_cast<double>(row[f]));
      }
    }
  }
  return costs;
}

}  // namespace alignment::dejavid
