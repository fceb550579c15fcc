#include "src/lrprop/network/pair_alignment.hpp"

namespace alignment::lrprop {
namespace {

using torch::Tensor;

constexpr std::size_t kPairs = 4;

/// First row of each column, of a path that goes through all of them.
std::vector<std::int64_t> first_rows(const kernels::PathCell* path, std::int64_t cells, std::int64_t columns) {
  std::vector<std::int64_t> first(static_cast<std::size_t>(columns), 0);
  for (std::int64_t n = cells - 1; n >= 0; --n) first[static_cast<std::size_t>(path[n].column)] = path[n].row;
  return first;
}

template <typename Real>
PairAlignment align_with(const NetworkKernels<Real>& kernels, const std::array<Tensor, 2>& tensors,
                         const std::array<std::int64_t, 2>& first, double gamma,
                         const std::array<double, kPairs>& scale, bool with_gradient) {
  const std::array<Tensor, 2> rows{tensors[0].contiguous(), tensors[1].contiguous()};
  const auto view_of = [&](const Tensor& whole, std::size_t video, std::size_t which) {
    const std::int64_t begin = which == 0 ? 0 : first[video];
    return whole.narrow(0, begin, which == 0 ? first[video] : whole.size(0) - begin);
  };
  const auto rows_of = [&](std::size_t video, std::size_t which) {
    const Tensor view = view_of(rows[video], video, which);
    return kernels::RowsView<Real>{view.template data_ptr<Real>(), view.size(0), view.size(1)};
  };

  // Of each pair D with a's frames as rows, then the same with b's.
  std::array<std::int64_t, 2 * kPairs> offsets{}, row_counts{}, column_counts{};
  std::int64_t total = 0, cells = 0;
  for (std::size_t n = 0; n < kPairs; ++n) {
    const std::int64_t of_a = rows_of(0, n / 2).count, of_b = rows_of(1, n % 2).count;
    row_counts[n] = column_counts[kPairs + n] = of_a;
    column_counts[n] = row_counts[kPairs + n] = of_b;
    offsets[n] = total;
    total += of_a * of_b;
    cells += of_a + of_b - 1;
  }
  const Tensor distances = torch::empty({2 * total}, rows[0].options());
  const auto matrix = [&](const Tensor& all, std::size_t n) {
    return all.narrow(0, offsets[n], row_counts[n] * column_counts[n]).view({row_counts[n], column_counts[n]});
  };
  for (std::size_t n = 0; n < kPairs; ++n) {
    offsets[kPairs + n] = offsets[n] + total;
    kernels.distances(rows_of(0, n / 2), rows_of(1, n % 2), matrix(distances, n).template data_ptr<Real>());
    matrix(distances, kPairs + n).copy_(matrix(distances, n).t());
  }

  const kernels::MatricesView<Real> both_ways{distances.template data_ptr<Real>(), offsets.data(), row_counts.data(),
                                              column_counts.data(), 2 * kPairs};
  kernels::MatricesView<Real> one_way = both_ways;
  one_way.count = kPairs;
  std::vector<kernels::PathCell> paths(static_cast<std::size_t>(2 * cells));
  std::array<std::int64_t, 2 * kPairs> lengths{};
  kernels.paths(both_ways, paths.data(), lengths.data());
  std::array<double, kPairs> values{};
  const Tensor alignments = with_gradient ? torch::empty({total}, rows[0].options()) : Tensor();
  kernels.soft_dtw(one_way, gamma, values.data(), with_gradient ? alignments.template data_ptr<Real>() : nullptr);

  PairAlignment result;
  const kernels::PathCell* path = paths.data();
  for (std::size_t n = 0; n < 2 * kPairs; ++n) {
    ViewAlignment& of_pair = result.views[n % kPairs];
    (n < kPairs ? of_pair.of_b : of_pair.of_a) = first_rows(path, lengths[n], column_counts[n]);
    path += row_counts[n] + column_counts[n] - 1;
  }
  for (std::size_t n = 0; n < kPairs; ++n) result.views[n].soft_dtw = values[n];
  if (!with_gradient) return result;
  for (std::size_t video = 0; video < 2; ++video) result.gradient[video] = torch::zeros_like(rows[video]);
  for (std::size_t n = 0; n < kPairs; ++n) {
    const Tensor distance_gradient = matrix(alignments, n).mul_(scale[n]);
    kernels.gradient(rows_of(0, n / 2), rows_of(1, n % 2), matrix(distances, n).template data_ptr<Real>(),
                     distance_gradient.template data_ptr<Real>(),
                     view_of(result.gradient[0], 0, n / 2).template data_ptr<Real>(),
                     view_of(result.gradient[1], 1, n % 2).template data_ptr<Real>());
  }
  return result;
}

}  // namespace

PairAlignment PairAligner::align(const std::array<Tensor, 2>& rows, const std::array<std::int64_t, 2>& first,
                                 double gamma, const std::array<double, 4>& scale, bool with_gradient) const {
  const torch::NoGradGuard fixed;
  return rows[0].scalar_type() == torch::kFloat64 ? align_with(*of_doubles_, rows, first, gamma, scale, with_gradient)
                                                  : align_with(*of_floats_, rows, first, gamma, scale, with_gradient);
}

}  // namespace alignment::lrprop
