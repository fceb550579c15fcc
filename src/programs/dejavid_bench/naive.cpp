#include "src/programs/dejavid_bench/naive.hpp"

// LibTorch carries headers of another fmt: nothing that formats text may be included here.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace alignment::bench {
namespace {

/// Tensors of a cost expression that live until its end: difference, absolute value, product.
constexpr std::int64_t kLiveTensors = 3;

at::Tensor tensor_of(const float* values, at::IntArrayRef extents) {
  return at::from_blob(const_cast<float*>(values), extents, at::kFloat);
}

/// [C',K,T] of one sample [T,F] and some classes [C',K,F].
at::Tensor cost_matrices(const at::Tensor& centroids, const at::Tensor& weights, const at::Tensor& sample) {
  return ((centroids.unsqueeze(2) - sample).abs() * weights.unsqueeze(2)).sum(-1);
}

/// The breakpoints [K-1] of the cheapest path through one cost matrix [K,T]; ties go along the sample.
void warp(const float* cost, std::int64_t steps, std::int64_t length, std::vector<float>& total,
          std::int32_t* breakpoints) {
  const auto place = [length](std::int64_t i, std::int64_t j) { return static_cast<std::size_t>(i * length + j); };
  total.resize(place(steps, 0));
  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t j = 0; j < length; ++j) {
      float before = 0;
      if (i > 0 && j > 0) {
        before = std::min(total[place(i - 1, j)], total[place(i, j - 1)]);
      } else if (i > 0) {
        before = total[place(i - 1, j)];
      } else if (j > 0) {
        before = total[place(i, j - 1)];
      }
      total[place(i, j)] = cost[place(i, j)] + before;
    }
  }
  std::int64_t j = length - 1;
  for (std::int64_t i = steps - 1; i > 0;) {
    if (j == 0 || total[place(i - 1, j)] < total[place(i, j - 1)]) {
      --i;
      breakpoints[i] = static_cast<std::int32_t>(j);
    } else {
      --j;
    }
  }
}

/// The cells of a path: centroid step and sample step of each.
struct Cells {
  at::Tensor rows, columns;  ///< [K+T-1]
};

Cells cells_of(const std::int32_t* breakpoints, std::int64_t steps, std::int64_t length) {
  Cells cells{at::empty({steps + length - 1}, at::kLong), at::empty({steps + length - 1}, at::kLong)};
  auto* row = cells.rows.data_ptr<std::int64_t>();
  auto* column = cells.columns.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < steps; ++i) {
    const kernels::ColumnRange range = kernels::row_columns(breakpoints, i, steps, length);
    for (std::int64_t j = range.first; j <= range.last; ++j) {
      *row++ = i;
      *column++ = j;
    }
  }
  return cells;
}

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kDouble).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

}  // namespace

struct NaiveStep::State {
  at::Tensor centroids, weights;    ///< [C,K,F]
  std::vector<at::Tensor> samples;  ///< [T,F] each
  std::int64_t block_bytes = 0;
  std::vector<std::int32_t> breakpoints;
  std::vector<double> distances;
  std::vector<at::Tensor> slopes, intercepts;  ///< [C,K,F] for each sample
  at::Tensor slope_sum, magnitude_sum;         ///< [C,K,F]

  [[nodiscard]] std::int64_t classes() const { return centroids.size(0); }
  [[nodiscard]] std::int64_t steps() const { return centroids.size(1); }
  [[nodiscard]] std::int32_t* breakpoints_of(std::size_t sample, std::int64_t c) {
    return breakpoints.data() + (static_cast<std::int64_t>(sample) * classes() + c) * (steps() - 1);
  }
};

NaiveStep::NaiveStep(const kernels::ParametersView<float>& parameters, const kernels::SamplesView<float>& samples,
                     std::int64_t block_bytes)
    : state_(std::make_unique<State>()) {
  const std::vector<std::int64_t> extents{parameters.classes, parameters.steps, parameters.feature_dim};
  state_->centroids = tensor_of(parameters.centroids, extents);
  state_->weights = tensor_of(parameters.weights, extents);
  for (std::int64_t b = 0; b < samples.count; ++b) {
    state_->samples.push_back(tensor_of(samples.sample(b), {samples.length(b), samples.feature_dim}));
    state_->slopes.push_back(at::zeros(extents));
    state_->intercepts.push_back(at::zeros(extents));
  }
  state_->block_bytes = block_bytes;
  const auto pairs = static_cast<std::size_t>(samples.count * parameters.classes);
  state_->breakpoints.resize(pairs * static_cast<std::size_t>(parameters.steps - 1));
  state_->distances.resize(pairs);
  state_->slope_sum = at::zeros(extents);
  state_->magnitude_sum = at::zeros(extents);
}

NaiveStep::~NaiveStep() = default;

void NaiveStep::search_paths() {
  State& state = *state_;
  std::vector<float> total;
  for (std::size_t b = 0; b < state.samples.size(); ++b) {
    const at::Tensor& sample = state.samples[b];
    const std::int64_t class_bytes =
        kLiveTensors * static_cast<std::int64_t>(sizeof(float)) * state.steps() * sample.numel();
    const std::int64_t most = std::max(state.block_bytes / class_bytes, std::int64_t{1});
    for (std::int64_t first = 0; first < state.classes(); first += most) {
      const std::int64_t count = std::min(most, state.classes() - first);
      const at::Tensor cost =
          cost_matrices(state.centroids.narrow(0, first, count), state.weights.narrow(0, first, count), sample);
      for (std::int64_t c = 0; c < count; ++c) {
        warp(cost[c].data_ptr<float>(), state.steps(), sample.size(0), total, state.breakpoints_of(b, first + c));
      }
    }
  }
}

void NaiveStep::distances() {
  State& state = *state_;
  for (std::size_t b = 0; b < state.samples.size(); ++b) {
    const at::Tensor& slope = state.slopes[b].zero_();
    const at::Tensor& intercept = state.intercepts[b].zero_();
    for (std::int64_t c = 0; c < state.classes(); ++c) {
      const Cells cells = cells_of(state.breakpoints_of(b, c), state.steps(), state.samples[b].size(0));
      const at::Tensor steps = state.samples[b].index_select(0, cells.columns);
      const at::Tensor sign = (state.centroids[c].index_select(0, cells.rows) - steps).sign();
      slope[c].index_add_(0, cells.rows, sign);
      intercept[c].index_add_(0, cells.rows, sign * steps, -1);
    }
    const at::Tensor distances = (state.weights * (state.centroids * slope + intercept)).sum({1, 2});
    std::copy_n(distances.data_ptr<float>(), state.classes(),
                state.distances.begin() + static_cast<std::ptrdiff_t>(b) * state.classes());
  }
}

void NaiveStep::gradient(const std::vector<float>& distance_gradient) {
  State& state = *state_;
  state.slope_sum.zero_();
  state.magnitude_sum.zero_();
  for (std::size_t b = 0; b < state.samples.size(); ++b) {
    const float* const of_sample = distance_gradient.data() + static_cast<std::int64_t>(b) * state.classes();
    const at::Tensor factor = tensor_of(of_sample, {state.classes(), 1, 1});
    state.slope_sum += state.slopes[b] * factor;
    state.magnitude_sum += (state.centroids * state.slopes[b] + state.intercepts[b]) * factor;
  }
}

std::vector<std::int32_t>& NaiveStep::breakpoints() {
  return state_->breakpoints;
}

const std::vector<double>& NaiveStep::distance_values() const {
  return state_->distances;
}

void set_torch_threads(int threads) {
  at::set_num_threads(threads);
}

std::vector<double> NaiveStep::slope_sum() const {
  return values_of(state_->slope_sum);
}

std::vector<double> NaiveStep::magnitude_sum() const {
  return values_of(state_->magnitude_sum);
}

}  // namespace alignment::bench
