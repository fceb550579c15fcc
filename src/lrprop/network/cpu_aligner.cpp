#include <cstddef>

#include "kernels/dtw.hpp"
#include "kernels/pairwise.hpp"
#include "kernels/soft_dtw.hpp"
#include "src/lrprop/network/pair_alignment.hpp"

namespace alignment::lrprop {
namespace {

using torch::Tensor;

/// Memory that kernels work in, aligned as they ask for; it only grows.
class Scratch {
 public:
  std::byte* at_least(std::size_t bytes) {
    constexpr std::size_t kAlignment = 64;
    if (memory_.size() < bytes + kAlignment) memory_.resize(bytes + kAlignment);
    void* start = memory_.data();
    std::size_t space = memory_.size();
    return static_cast<std::byte*>(std::align(kAlignment, bytes, start, space));
  }

 private:
  std::vector<std::byte> memory_;
};

/// First row of each column, of a path that goes through all of them.
std::vector<std::int64_t> first_rows(const kernels::PathCell* path, std::int64_t cells, std::int64_t columns) {
  std::vector<std::int64_t> first(static_cast<std::size_t>(columns), 0);
  for (std::int64_t n = cells - 1; n >= 0; --n) first[static_cast<std::size_t>(path[n].column)] = path[n].row;
  return first;
}

class CpuAligner final : public PairAligner {
 public:
  [[nodiscard]] PairAlignment align(const std::array<Tensor, 2>& rows, const std::array<std::int64_t, 2>& first,
                                    double gamma, const std::array<double, 4>& scale,
                                    bool with_gradient) const override {
    return rows[0].scalar_type() == torch::kFloat64 ? align_as<double>(rows, first, gamma, scale, with_gradient)
                                                    : align_as<float>(rows, first, gamma, scale, with_gradient);
  }

 private:
  template <typename Real>
  static PairAlignment align_as(const std::array<Tensor, 2>& tensors, const std::array<std::int64_t, 2>& first,
                                double gamma, const std::array<double, 4>& scale, bool with_gradient) {
    thread_local Scratch scratch;
    constexpr std::size_t kPairs = 4;
    std::array<Tensor, 2> rows;
    PairAlignment result;
    for (std::size_t video = 0; video < 2; ++video) {
      rows[video] = tensors[video].contiguous();
      result.gradient[video] = torch::zeros_like(rows[video]);
    }
    const auto view = [&](std::size_t video, std::size_t which) {
      const std::int64_t width = rows[video].size(1), begin = which == 0 ? 0 : first[video];
      const std::int64_t count = which == 0 ? first[video] : rows[video].size(0) - first[video];
      return kernels::RowsView<Real>{rows[video].template data_ptr<Real>() + begin * width, count, width};
    };

    // Of each pair D with a's frames as rows, then the same transposed.
    std::array<std::int64_t, 2 * kPairs> offsets{}, row_counts{}, column_counts{};
    std::int64_t total = 0, cells = 0;
    for (std::size_t n = 0; n < kPairs; ++n) {
      const std::int64_t of_a = view(0, n / 2).count, of_b = view(1, n % 2).count;
      row_counts[n] = column_counts[kPairs + n] = of_a;
      column_counts[n] = row_counts[kPairs + n] = of_b;
      offsets[n] = total;
      total += of_a * of_b;
      cells += of_a + of_b - 1;
    }
    for (std::size_t n = 0; n < kPairs; ++n) offsets[kPairs + n] = offsets[n] + total;
    std::vector<Real> distances(static_cast<std::size_t>(2 * total));
    for (std::size_t n = 0; n < kPairs; ++n) {
      const auto a = view(0, n / 2), b = view(1, n % 2);
      Real* const matrix = distances.data() + offsets[n];
      Real* const transposed = distances.data() + offsets[kPairs + n];
      kernels::cpu::pairwise_distances(
          a, b, matrix, scratch.at_least(kernels::cpu::pairwise_distances_workspace_bytes<Real>(b.count, b.width)), 1);
      for (std::int64_t i = 0; i < a.count; ++i) {
        for (std::int64_t j = 0; j < b.count; ++j) transposed[j * a.count + i] = matrix[i * b.count + j];
      }
    }

    const auto matrices = [&](std::size_t count) {
      return kernels::MatricesView<Real>{distances.data(), offsets.data(), row_counts.data(), column_counts.data(),
                                         static_cast<std::int64_t>(count)};
    };
    std::vector<kernels::PathCell> paths(static_cast<std::size_t>(2 * cells));
    std::array<std::int64_t, 2 * kPairs> lengths{};
    kernels::cpu::dtw_paths(matrices(2 * kPairs), paths.data(), lengths.data(), nullptr,
                            scratch.at_least(kernels::cpu::dtw_paths_workspace_bytes(matrices(2 * kPairs), 1)), 1);
    std::array<double, kPairs> values{};
    std::vector<Real> alignments(with_gradient ? static_cast<std::size_t>(total) : 0);
    kernels::cpu::soft_dtw(matrices(kPairs), gamma, values.data(), with_gradient ? alignments.data() : nullptr,
                           scratch.at_least(kernels::cpu::soft_dtw_workspace_bytes(matrices(kPairs), with_gradient, 1)),
                           1);

    const kernels::PathCell* path = paths.data();
    for (std::size_t n = 0; n < 2 * kPairs; ++n) {
      ViewAlignment& of_pair = result.views[n % kPairs];
      (n < kPairs ? of_pair.of_b : of_pair.of_a) = first_rows(path, lengths[n], column_counts[n]);
      path += row_counts[n] + column_counts[n] - 1;
    }
    for (std::size_t n = 0; n < kPairs; ++n) {
      result.views[n].soft_dtw = values[n];
      if (!with_gradient) continue;
      const auto a = view(0, n / 2), b = view(1, n % 2);
      Real* const alignment = alignments.data() + offsets[n];
      for (std::int64_t cell = 0; cell < a.count * b.count; ++cell) alignment[cell] *= static_cast<Real>(scale[n]);
      Real* const a_gradient = result.gradient[0].template data_ptr<Real>() + (a.rows - view(0, 0).rows);
      Real* const b_gradient = result.gradient[1].template data_ptr<Real>() + (b.rows - view(1, 0).rows);
      kernels::cpu::pairwise_gradient(
          a, b, distances.data() + offsets[n], alignment, a_gradient, b_gradient,
          scratch.at_least(kernels::cpu::pairwise_gradient_workspace_bytes<Real>(a.count, b.count)), 1);
    }
    return result;
  }
};

}  // namespace

std::unique_ptr<PairAligner> make_cpu_aligner() {
  return std::make_unique<CpuAligner>();
}

}  // namespace alignment::lrprop
