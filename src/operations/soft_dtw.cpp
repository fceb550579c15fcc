#include "src/operations/soft_dtw.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/pairwise.hpp"
#include "kernels/parallel.hpp"
#include "kernels/soft_dtw.hpp"
#include "src/operations/finite.hpp"
#include "src/operations/scratch.hpp"

namespace alignment::operations {
namespace {

using kernels::MatricesView;
using kernels::RowsView;
using kernels::cpu::parallel_for;

/// One pair at a time, in memory that the next one takes over.
template <typename Real>
class PairWorker {
 public:
  /// Costs of the pair, and the sequences that they are of. `threads`: for one pair that is alone.
  void start(const SequencePairs<Real>& pairs, std::int64_t pair, int threads) {
    a_ = rows_of(pairs.a, pairs.a_offsets, pair, pairs.feature_dim);
    b_ = rows_of(pairs.b, pairs.b_offsets, pair, pairs.feature_dim);
    cost_ = pairs.cost;
    Real* const costs = costs_.reserve(a_.count * b_.count);
    std::byte* const workspace =
        bytes(kernels::cpu::pairwise_distances_workspace_bytes<Real>(b_.count, pairs.feature_dim));
    if (cost_ == StepCost::kEuclidean) {
      kernels::cpu::pairwise_distances(a_, b_, costs, workspace, threads);
    } else {
      kernels::cpu::pairwise_squares(a_, b_, costs, workspace, threads);
    }
    const std::string sequence = "sequence " + std::to_string(pair);
    require_finite_rows("a", a_.rows, a_.count, a_.width, sequence);
    require_finite_rows("b", b_.rows, b_.count, b_.width, sequence);
    if (first_not_finite(costs, a_.count * b_.count) != nullptr) {
      throw std::invalid_argument("a and b: found steps of pair " + std::to_string(pair) +
                                  " whose cost is too large for their type; expected a finite one; scale both down");
    }
  }

  double value(double gamma) { return align(gamma, nullptr); }

  /// Adds `factor` times the value's gradient.
  void add_gradient(double gamma, Real factor, Real* a_gradient, Real* b_gradient, int threads) {
    const std::int64_t cells = a_.count * b_.count;
    Real* const gradient = alignment_.reserve(cells);
    align(gamma, gradient);
    std::for_each(gradient, gradient + cells, [factor](Real& share) { share *= factor; });
    std::byte* const workspace = bytes(kernels::cpu::pairwise_gradient_workspace_bytes<Real>(a_.count, b_.count));
    if (cost_ == StepCost::kEuclidean) {
      kernels::cpu::pairwise_gradient(a_, b_, costs_.data(), gradient, a_gradient, b_gradient, workspace, threads);
    } else {
      kernels::cpu::pairwise_squares_gradient(a_, b_, gradient, a_gradient, b_gradient, workspace, threads);
    }
  }

 private:
  static RowsView<Real> rows_of(const Real* rows, const std::int64_t* offsets, std::int64_t pair, std::int64_t width) {
    return {rows + offsets[pair] * width, offsets[pair + 1] - offsets[pair], width};
  }
  std::byte* bytes(std::size_t count) { return workspace_.reserve(static_cast<std::int64_t>(count)); }

  double align(double gamma, Real* alignment) {
    const std::int64_t offset = 0;
    const MatricesView<Real> matrix{costs_.data(), &offset, &a_.count, &b_.count, 1};
    std::byte* const workspace = bytes(kernels::cpu::soft_dtw_workspace_bytes(matrix, alignment != nullptr, 1));
    double value = 0;
    kernels::cpu::soft_dtw(matrix, gamma, &value, alignment, workspace, 1);
    return value;
  }

  RowsView<Real> a_, b_;
  StepCost cost_ = StepCost::kSquaredEuclidean;
  Scratch<Real> costs_, alignment_;
  Scratch<std::byte> workspace_;
};

/// The value of a pair in its type.
template <typename Real>
Real finite_value(double value, std::int64_t pair) {
  const auto narrow = static_cast<Real>(value);
  if (std::isfinite(narrow)) return narrow;
  throw std::invalid_argument("gamma and costs: found a value of pair " + std::to_string(pair) +
                              " that is too large for its type; expected a finite one; scale both down");
}

template <typename Real>
void require_finite(const MatricesView<Real>& distances) {
  for (std::int64_t p = 0; p < distances.count; ++p) {
    const Real* const matrix = distances.values + distances.offsets[p];
    const Real* const found = first_not_finite(matrix, distances.rows[p] * distances.columns[p]);
    if (found == nullptr) continue;
    const std::int64_t at = found - matrix;
    throw std::invalid_argument("distances: found " + std::to_string(*found) + " in matrix " + std::to_string(p) +
                                ", row " + std::to_string(at / distances.columns[p]) + ", column " +
                                std::to_string(at % distances.columns[p]) + "; expected finite numbers");
  }
}

template <typename Real>
std::vector<double> align_all(const MatricesView<Real>& distances, double gamma, Real* alignments, int threads) {
  require_finite(distances);
  const auto used = static_cast<int>(std::clamp<std::int64_t>(distances.count, 1, threads));
  Scratch<std::byte> workspace(
      static_cast<std::int64_t>(kernels::cpu::soft_dtw_workspace_bytes(distances, alignments != nullptr, used)));
  std::vector<double> values(static_cast<std::size_t>(distances.count));
  kernels::cpu::soft_dtw(distances, gamma, values.data(), alignments, workspace.data(), used);
  return values;
}

}  // namespace

template <typename Real>
void soft_dtw(const SequencePairs<Real>& pairs, Real* values, int threads) {
  std::vector<PairWorker<Real>> workers(static_cast<std::size_t>(threads));
  parallel_for(threads, pairs.count, 1, [&](std::int64_t pair, int thread) {
    PairWorker<Real>& worker = workers[static_cast<std::size_t>(thread)];
    worker.start(pairs, pair, threads);
    values[pair] = finite_value<Real>(worker.value(pairs.gamma), pair);
  });
}

template <typename Real>
void soft_dtw_gradient(const SequencePairs<Real>& pairs, const Real* value_gradient, Real* a_gradient, Real* b_gradient,
                       int threads) {
  std::vector<PairWorker<Real>> workers(static_cast<std::size_t>(threads));
  parallel_for(threads, pairs.count, 1, [&](std::int64_t pair, int thread) {
    PairWorker<Real>& worker = workers[static_cast<std::size_t>(thread)];
    worker.start(pairs, pair, threads);
    worker.add_gradient(pairs.gamma, value_gradient[pair], a_gradient + pairs.a_offsets[pair] * pairs.feature_dim,
                        b_gradient + pairs.b_offsets[pair] * pairs.feature_dim, threads);
  });
}

template <typename Real>
void soft_dtw_of_distances(const MatricesView<Real>& distances, double gamma, Real* values, int threads) {
  const std::vector<double> found = align_all<Real>(distances, gamma, nullptr, threads);
  for (std::size_t pair = 0; pair < found.size(); ++pair) {
    values[pair] = finite_value<Real>(found[pair], static_cast<std::int64_t>(pair));
  }
}

template <typename Real>
void soft_dtw_of_distances_gradient(const MatricesView<Real>& distances, double gamma, const Real* value_gradient,
                                    Real* distance_gradient, int threads) {
  align_all(distances, gamma, distance_gradient, threads);
  parallel_for(threads, distances.count, 1, [&](std::int64_t p, int) {
    Real* const matrix = distance_gradient + distances.offsets[p];
    std::for_each(matrix, matrix + distances.rows[p] * distances.columns[p],
                  [factor = value_gradient[p]](Real& share) { share *= factor; });
  });
}

template void soft_dtw(const SequencePairs<float>&, float*, int);
template void soft_dtw(const SequencePairs<double>&, double*, int);
template void soft_dtw_gradient(const SequencePairs<float>&, const float*, float*, float*, int);
template void soft_dtw_gradient(const SequencePairs<double>&, const double*, double*, double*, int);
template void soft_dtw_of_distances(const MatricesView<float>&, double, float*, int);
template void soft_dtw_of_distances(const MatricesView<double>&, double, double*, int);
template void soft_dtw_of_distances_gradient(const MatricesView<float>&, double, const float*, float*, int);
template void soft_dtw_of_distances_gradient(const MatricesView<double>&, double, const double*, double*, int);

}  // namespace alignment::operations
