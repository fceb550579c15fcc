// The operations torch.ops.dejavid.*, for tensors in the CPU's memory, by LibTorch's stable interface: one build runs
// with every torch from 2.10 on. Fake kernels and derivatives are in src/python/dejavid/_torch_library.py. Whatever may
// lie wrong in a tensor is refused here, as std::invalid_argument, which Python has as ValueError.
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <cmath>
#include <initializer_list>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "src/operations/soft_dtw.hpp"
#include "src/operations/weighted_dtw.hpp"

namespace alignment::operations {
namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

template <typename... Words>
void require(bool right, const Words&... words) {
  if (right) return;
  std::ostringstream message;
  (message << ... << words);
  throw std::invalid_argument(message.str());
}

/// A tensor by the name that messages give it.
struct Named {
  const char* name;
  const Tensor& tensor;
};

std::string shape_of(const Tensor& tensor) {
  std::string text = "[";
  for (std::int64_t k = 0; k < tensor.dim(); ++k) text += (k == 0 ? "" : ", ") + std::to_string(tensor.size(k));
  return text + "]";
}

/// `dimensions`: -1 stands for any number.
void require_shape(const Named& named, std::initializer_list<std::int64_t> dimensions, const char* words) {
  bool right = named.tensor.dim() == static_cast<std::int64_t>(dimensions.size());
  std::int64_t k = 0;
  for (const std::int64_t dimension : dimensions) {
    right = right && (dimension < 0 || named.tensor.size(k) == dimension);
    ++k;
  }
  if (!right) require(false, named.name, ": found shape ", shape_of(named.tensor), "; expected ", words);
}

void require_cpu(std::initializer_list<Named> tensors) {
  for (const Named& named : tensors) {
    require(named.tensor.is_cpu(), named.name, ": found another device; expected the CPU");
  }
}

/// All f32, or all f64.
void require_real(std::initializer_list<Named> tensors) {
  const ScalarType first = tensors.begin()->tensor.scalar_type();
  for (const Named& named : tensors) {
    const ScalarType type = named.tensor.scalar_type();
    require(type == first && (type == ScalarType::Float || type == ScalarType::Double), named.name,
            ": found numbers of another type; expected float32, or float64 in all tensors");
  }
}

/// Row numbers [count + 1] that cut `rows` rows into pieces of at least one.
Tensor checked_offsets(const Named& offsets, const char* rows_name, std::int64_t rows) {
  require(offsets.tensor.scalar_type() == ScalarType::Long, offsets.name, ": found another type; expected int64");
  require_shape(offsets, {-1}, "[B+1]");
  const Tensor kept = torch::stable::contiguous(offsets.tensor);
  const std::int64_t count = kept.size(0);
  require(count >= 1, offsets.name, ": found no number; expected one more than there are sequences");
  const auto* const at = kept.const_data_ptr<std::int64_t>();
  require(at[0] >= 0, offsets.name, "[0]: found ", at[0], "; expected a row of ", rows_name);
  for (std::int64_t k = 1; k < count; ++k) {
    require(at[k] > at[k - 1], offsets.name, "[", k, "]: found ", at[k], "; expected more than ", offsets.name, "[",
            k - 1, "], ", at[k - 1], ": every sequence has a step");
  }
  require(at[count - 1] <= rows, offsets.name, "[", count - 1, "]: found ", at[count - 1], "; expected at most the ",
          rows, " rows of ", rows_name);
  return kept;
}

int threads() {
  return static_cast<int>(std::max(torch::stable::get_num_threads(), 1U));
}

/// Calls work(Real{}) with the type of the tensor's numbers.
template <typename Work>
void with_type(const Tensor& tensor, const Work& work) {
  tensor.scalar_type() == ScalarType::Double ? work(double{}) : work(float{});
}

// ---- weighted_dtw

/// The four tensors, checked and contiguous.
struct WeightedDtwTensors {
  WeightedDtwTensors(const Tensor& given_features, const Tensor& given_offsets, const Tensor& given_centroids,
                     const Tensor& given_log_weights)
      : features(given_features), offsets(given_offsets), centroids(given_centroids), log_weights(given_log_weights) {
    require_cpu({{"features", features}, {"offsets", offsets}, {"centroids", centroids}, {"log_weights", log_weights}});
    require_real({{"features", features}, {"centroids", centroids}, {"log_weights", log_weights}});
    require_shape({"features", features}, {-1, -1}, "[steps of all samples, F]");
    require_shape({"centroids", centroids}, {-1, -1, features.size(1)}, "[C, K, F], with the F of features");
    extents = {centroids.size(0), centroids.size(1), centroids.size(2)};
    require(extents.element_count() > 0, "centroids: found shape ", shape_of(centroids), "; expected at least 1 each");
    require_shape({"log_weights", log_weights}, {extents.classes, extents.steps, extents.feature_dim},
                  "that of centroids");
    offsets = checked_offsets({"offsets", offsets}, "features", features.size(0));
    require(features.size(0) <= std::numeric_limits<std::int32_t>::max(), "features: found ", features.size(0),
            " rows; expected fewer than 2^31");
    features = torch::stable::contiguous(features);
    centroids = torch::stable::contiguous(centroids);
    log_weights = torch::stable::contiguous(log_weights);
  }

  [[nodiscard]] std::int64_t count() const { return offsets.size(0) - 1; }

  template <typename Real>
  [[nodiscard]] WeightedDtw<Real> view() const {
    return {{features.const_data_ptr<Real>(), offsets.const_data_ptr<std::int64_t>(), count(), extents.feature_dim},
            centroids.const_data_ptr<Real>(),
            log_weights.const_data_ptr<Real>(),
            extents};
  }

  Tensor features, offsets, centroids, log_weights;
  kernels::Extents extents;
};

std::tuple<Tensor, Tensor> weighted_dtw_of_tensors(const Tensor& features, const Tensor& offsets,
                                                   const Tensor& centroids, const Tensor& log_weights, bool diagonal) {
  const WeightedDtwTensors input(features, offsets, centroids, log_weights);
  const Tensor distances = torch::stable::new_empty(features, {input.count(), input.extents.classes});
  const Tensor breakpoints = torch::stable::new_empty(
      features, {input.count(), input.extents.classes, input.extents.steps - 1}, ScalarType::Int);
  with_type(features, [&](auto real) {
    using Real = decltype(real);
    weighted_dtw(input.view<Real>(), diagonal, distances.mutable_data_ptr<Real>(),
                 breakpoints.mutable_data_ptr<std::int32_t>(), threads());
  });
  return {distances, breakpoints};
}

/// What both gradients read beside the input, checked and contiguous.
struct GradientTensors {
  GradientTensors(const WeightedDtwTensors& input, const Tensor& given_gradient, const Tensor& given_breakpoints)
      : gradient(given_gradient), breakpoints(given_breakpoints) {
    require_cpu({{"distance_gradient", gradient}, {"breakpoints", breakpoints}});
    require_real({{"features", input.features}, {"distance_gradient", gradient}});
    require_shape({"distance_gradient", gradient}, {input.count(), input.extents.classes}, "[B, C]");
    require(breakpoints.scalar_type() == ScalarType::Int, "breakpoints: found another type; expected int32");
    require_shape({"breakpoints", breakpoints}, {input.count(), input.extents.classes, input.extents.steps - 1},
                  "[B, C, K-1]");
    gradient = torch::stable::contiguous(gradient);
    breakpoints = torch::stable::contiguous(breakpoints);
  }
  Tensor gradient, breakpoints;
};

std::tuple<Tensor, Tensor> weighted_dtw_parameter_gradient_of_tensors(const Tensor& distance_gradient,
                                                                      const Tensor& features, const Tensor& offsets,
                                                                      const Tensor& centroids,
                                                                      const Tensor& log_weights,
                                                                      const Tensor& breakpoints) {
  const WeightedDtwTensors input(features, offsets, centroids, log_weights);
  const GradientTensors upstream(input, distance_gradient, breakpoints);
  const Tensor centroid_gradient = torch::stable::new_empty(centroids, centroids.sizes());
  const Tensor log_weight_gradient = torch::stable::new_empty(log_weights, log_weights.sizes());
  with_type(features, [&](auto real) {
    using Real = decltype(real);
    weighted_dtw_parameter_gradient(input.view<Real>(), upstream.breakpoints.const_data_ptr<std::int32_t>(),
                                    upstream.gradient.const_data_ptr<Real>(),
                                    centroid_gradient.mutable_data_ptr<Real>(),
                                    log_weight_gradient.mutable_data_ptr<Real>(), threads());
  });
  return {centroid_gradient, log_weight_gradient};
}

Tensor weighted_dtw_feature_gradient_of_tensors(const Tensor& distance_gradient, const Tensor& features,
                                                const Tensor& offsets, const Tensor& centroids,
                                                const Tensor& log_weights, const Tensor& breakpoints) {
  const WeightedDtwTensors input(features, offsets, centroids, log_weights);
  const GradientTensors upstream(input, distance_gradient, breakpoints);
  Tensor feature_gradient = torch::stable::new_zeros(features, features.sizes());
  with_type(features, [&](auto real) {
    using Real = decltype(real);
    const WeightedDtw<Real> view = input.view<Real>();
    weighted_dtw_feature_gradient(
        view, upstream.breakpoints.const_data_ptr<std::int32_t>(), upstream.gradient.const_data_ptr<Real>(),
        feature_gradient.mutable_data_ptr<Real>() + view.samples.offsets[0] * view.samples.feature_dim, threads());
  });
  return feature_gradient;
}

// ---- soft_dtw

/// Beyond it gamma times a logarithm swallows all costs, and then overflows.
constexpr double kLargestGamma = 1e100;

void require_gamma(double gamma) {
  require(gamma > 0 && gamma <= kLargestGamma, "gamma: found ", gamma, "; expected a number above 0, at most 1e100");
}

StepCost cost_called(const std::string& name) {
  if (name == "squared_euclidean") return StepCost::kSquaredEuclidean;
  require(name == "euclidean", "cost: found '", name, "'; expected 'squared_euclidean' or 'euclidean'");
  return StepCost::kEuclidean;
}

/// The four tensors, checked and contiguous.
struct PairTensors {
  PairTensors(const Tensor& given_a, const Tensor& given_a_offsets, const Tensor& given_b,
              const Tensor& given_b_offsets)
      : a(given_a), a_offsets(given_a_offsets), b(given_b), b_offsets(given_b_offsets) {
    require_cpu({{"a", a}, {"a_offsets", a_offsets}, {"b", b}, {"b_offsets", b_offsets}});
    require_real({{"a", a}, {"b", b}});
    require_shape({"a", a}, {-1, -1}, "[steps of all sequences, F]");
    require(a.size(1) > 0, "a: found shape ", shape_of(a), "; expected at least one feature");
    require_shape({"b", b}, {-1, a.size(1)}, "[steps of all sequences, F], with the F of a");
    a_offsets = checked_offsets({"a_offsets", a_offsets}, "a", a.size(0));
    b_offsets = checked_offsets({"b_offsets", b_offsets}, "b", b.size(0));
    require(a_offsets.size(0) == b_offsets.size(0), "b_offsets: found ", b_offsets.size(0) - 1, " sequences; expected ",
            a_offsets.size(0) - 1, " as a has");
    a = torch::stable::contiguous(a);
    b = torch::stable::contiguous(b);
  }

  [[nodiscard]] std::int64_t count() const { return a_offsets.size(0) - 1; }

  template <typename Real>
  [[nodiscard]] SequencePairs<Real> view(double gamma, StepCost cost) const {
    return {a.const_data_ptr<Real>(),
            a_offsets.const_data_ptr<std::int64_t>(),
            b.const_data_ptr<Real>(),
            b_offsets.const_data_ptr<std::int64_t>(),
            count(),
            a.size(1),
            cost,
            gamma};
  }

  Tensor a, a_offsets, b, b_offsets;
};

Tensor soft_dtw_of_tensors(const Tensor& a, const Tensor& a_offsets, const Tensor& b, const Tensor& b_offsets,
                           double gamma, const std::string& cost) {
  const PairTensors input(a, a_offsets, b, b_offsets);
  require_gamma(gamma);
  const StepCost step_cost = cost_called(cost);
  const Tensor values = torch::stable::new_empty(a, {input.count()});
  with_type(a, [&](auto real) {
    using Real = decltype(real);
    soft_dtw(input.view<Real>(gamma, step_cost), values.mutable_data_ptr<Real>(), threads());
  });
  return values;
}

std::tuple<Tensor, Tensor> soft_dtw_gradient_of_tensors(const Tensor& value_gradient, const Tensor& a,
                                                        const Tensor& a_offsets, const Tensor& b,
                                                        const Tensor& b_offsets, double gamma,
                                                        const std::string& cost) {
  const PairTensors input(a, a_offsets, b, b_offsets);
  require_gamma(gamma);
  const StepCost step_cost = cost_called(cost);
  require_cpu({{"value_gradient", value_gradient}});
  require_real({{"a", a}, {"value_gradient", value_gradient}});
  require_shape({"value_gradient", value_gradient}, {input.count()}, "[B]");
  const Tensor upstream = torch::stable::contiguous(value_gradient);
  const Tensor a_gradient = torch::stable::new_zeros(a, a.sizes());
  const Tensor b_gradient = torch::stable::new_zeros(b, b.sizes());
  with_type(a, [&](auto real) {
    using Real = decltype(real);
    soft_dtw_gradient(input.view<Real>(gamma, step_cost), upstream.const_data_ptr<Real>(),
                      a_gradient.mutable_data_ptr<Real>(), b_gradient.mutable_data_ptr<Real>(), threads());
  });
  return {a_gradient, b_gradient};
}

/// Matrices one after the other, checked and contiguous.
struct MatrixTensors {
  MatrixTensors(const Tensor& given_distances, const Tensor& given_rows, const Tensor& given_columns)
      : distances(given_distances), rows(given_rows), columns(given_columns) {
    require_cpu({{"distances", distances}, {"rows", rows}, {"columns", columns}});
    require_real({{"distances", distances}});
    require_shape({"distances", distances}, {-1}, "[numbers of all matrices]");
    for (const Named& named : {Named{"rows", rows}, Named{"columns", columns}}) {
      require(named.tensor.scalar_type() == ScalarType::Long, named.name, ": found another type; expected int64");
      require_shape(named, {-1}, "[B]");
    }
    require(rows.size(0) == columns.size(0), "columns: found ", columns.size(0), " numbers; expected ", rows.size(0),
            " as rows has");
    distances = torch::stable::contiguous(distances);
    rows = torch::stable::contiguous(rows);
    columns = torch::stable::contiguous(columns);
    const std::int64_t count = distances.size(0);
    std::int64_t end = 0;
    for (std::int64_t k = 0; k < rows.size(0); ++k) {
      const std::int64_t n = rows.const_data_ptr<std::int64_t>()[k], m = columns.const_data_ptr<std::int64_t>()[k];
      require(n >= 1, "rows[", k, "]: found ", n, "; expected at least 1");
      require(m >= 1, "columns[", k, "]: found ", m, "; expected at least 1");
      offsets.push_back(end);
      require(n <= (count - end) / m, "distances: found ", count, " numbers; expected more, as matrix ", k, " of ", n,
              " x ", m, " begins at ", end);
      end += n * m;
    }
    require(end == count, "distances: found ", count, " numbers; expected the ", end, " of all matrices");
  }

  template <typename Real>
  [[nodiscard]] kernels::MatricesView<Real> view() const {
    return {distances.const_data_ptr<Real>(), offsets.data(), rows.const_data_ptr<std::int64_t>(),
            columns.const_data_ptr<std::int64_t>(), rows.size(0)};
  }

  Tensor distances, rows, columns;
  std::vector<std::int64_t> offsets;
};

Tensor soft_dtw_of_distances_of_tensors(const Tensor& distances, const Tensor& rows, const Tensor& columns,
                                        double gamma) {
  const MatrixTensors input(distances, rows, columns);
  require_gamma(gamma);
  const Tensor values = torch::stable::new_empty(distances, {rows.size(0)});
  with_type(distances, [&](auto real) {
    using Real = decltype(real);
    soft_dtw_of_distances(input.view<Real>(), gamma, values.mutable_data_ptr<Real>(), threads());
  });
  return values;
}

Tensor soft_dtw_of_distances_gradient_of_tensors(const Tensor& value_gradient, const Tensor& distances,
                                                 const Tensor& rows, const Tensor& columns, double gamma) {
  const MatrixTensors input(distances, rows, columns);
  require_gamma(gamma);
  require_cpu({{"value_gradient", value_gradient}});
  require_real({{"distances", distances}, {"value_gradient", value_gradient}});
  require_shape({"value_gradient", value_gradient}, {rows.size(0)}, "[B]");
  const Tensor upstream = torch::stable::contiguous(value_gradient);
  const Tensor gradient = torch::stable::new_empty(distances, distances.sizes());
  with_type(distances, [&](auto real) {
    using Real = decltype(real);
    soft_dtw_of_distances_gradient(input.view<Real>(), gamma, upstream.const_data_ptr<Real>(),
                                   gradient.mutable_data_ptr<Real>(), threads());
  });
  return gradient;
}

}  // namespace
}  // namespace alignment::operations

STABLE_TORCH_LIBRARY(dejavid, library) {
  library.def(
      "weighted_dtw(Tensor features, Tensor offsets, Tensor centroids, Tensor log_weights, bool diagonal) -> (Tensor, "
      "Tensor)");
  library.def(
      "weighted_dtw_parameter_gradient(Tensor distance_gradient, Tensor features, Tensor offsets, Tensor centroids, "
      "Tensor log_weights, Tensor breakpoints) -> (Tensor, Tensor)");
  library.def(
      "weighted_dtw_feature_gradient(Tensor distance_gradient, Tensor features, Tensor offsets, Tensor centroids, "
      "Tensor log_weights, Tensor breakpoints) -> Tensor");
  library.def("soft_dtw(Tensor a, Tensor a_offsets, Tensor b, Tensor b_offsets, float gamma, str cost) -> Tensor");
  library.def(
      "soft_dtw_gradient(Tensor value_gradient, Tensor a, Tensor a_offsets, Tensor b, Tensor b_offsets, float gamma, "
      "str cost) -> (Tensor, Tensor)");
  library.def("soft_dtw_of_distances(Tensor distances, Tensor rows, Tensor columns, float gamma) -> Tensor");
  library.def(
      "soft_dtw_of_distances_gradient(Tensor value_gradient, Tensor distances, Tensor rows, Tensor columns, float "
      "gamma) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(dejavid, CPU, library) {
  using namespace alignment::operations;  // NOLINT(google-build-using-namespace): the macro opens a function
  library.impl("weighted_dtw", TORCH_BOX(&weighted_dtw_of_tensors));
  library.impl("weighted_dtw_parameter_gradient", TORCH_BOX(&weighted_dtw_parameter_gradient_of_tensors));
  library.impl("weighted_dtw_feature_gradient", TORCH_BOX(&weighted_dtw_feature_gradient_of_tensors));
  library.impl("soft_dtw", TORCH_BOX(&soft_dtw_of_tensors));
  library.impl("soft_dtw_gradient", TORCH_BOX(&soft_dtw_gradient_of_tensors));
  library.impl("soft_dtw_of_distances", TORCH_BOX(&soft_dtw_of_distances_of_tensors));
  library.impl("soft_dtw_of_distances_gradient", TORCH_BOX(&soft_dtw_of_distances_gradient_of_tensors));
}
