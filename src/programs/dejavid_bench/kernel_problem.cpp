#include "src/programs/dejavid_bench/kernel_problem.hpp"

#include <algorithm>
#include <random>

#include "kernels/blocks.hpp"
#include "kernels/parallel.hpp"
#include "kernels/warp.hpp"
#include "src/dejavid/config.hpp"
#include "src/training/schedule.hpp"

namespace alignment::bench {
namespace {

/// Cost elements that one call computes, as search_paths() does it: they stay in a core's second-level cache.
constexpr std::int64_t kCostElementsPerCall = std::int64_t{256} * 1024;

class Source {
 public:
  explicit Source(Numbers numbers) : numbers_(numbers) {}

  void fill(std::vector<float>& values, int low, int high) {
    std::uniform_int_distribution<int> integers(low, high);
    std::uniform_real_distribution<float> reals(static_cast<float>(low), static_cast<float>(high));
    for (float& value : values) {
      value = numbers_ == Numbers::kReals ? reals(generator_) : static_cast<float>(integers(generator_));
    }
  }

 private:
  Numbers numbers_;
  std::mt19937 generator_;  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same numbers in every run
};

}  // namespace

KernelProblem::KernelProblem(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                             const std::vector<std::int64_t>& lengths, Numbers numbers)
    : classes_(classes), steps_(steps), feature_dim_(feature_dim), offsets_{0} {
  for (const std::int64_t length : lengths) offsets_.push_back(offsets_.back() + length);
  const std::int64_t rows = classes * steps;
  const auto pairs = lengths.size() * static_cast<std::size_t>(classes);
  Source source(numbers);
  centroids_.resize(static_cast<std::size_t>(rows * feature_dim));
  weights_.resize(centroids_.size());
  features_.resize(static_cast<std::size_t>(offsets_.back() * feature_dim));
  distance_gradient_.resize(pairs);
  source.fill(centroids_, -2, 2);
  source.fill(weights_, 1, 2);
  source.fill(features_, -2, 2);
  source.fill(distance_gradient_, -2, 2);

  packed_ = kernels::cpu::pack_parameters(
      parameters(), panels_.reserve(kernels::packed_parameter_count(classes, steps, feature_dim)), 1);
  quantized_ = kernels::cpu::quantize_parameters(
      parameters(), quantized_bytes_.reserve(kernels::cpu::quantized_parameter_bytes(classes, steps, feature_dim)), 1);
  lay_out(1);

  breakpoints_.resize(pairs * static_cast<std::size_t>(steps - 1));
  distances_.resize(pairs);
  cost_.reserve(offsets_.back() * kernels::cost_stride(classes, steps));
  const std::int64_t parameter_count = kernels::blocked_count(rows, feature_dim);
  for (AlignedBuffer<double>* const sum : {&slope_sum_, &magnitude_sum_}) {
    std::fill_n(sum->reserve(parameter_count), parameter_count, 0.0);
  }
}

void KernelProblem::lay_out(int threads) {
  const std::int64_t rows = classes_ * steps_, parameter_count = kernels::blocked_count(rows, feature_dim_);
  kernels::cpu::to_blocks(centroids_.data(), rows, feature_dim_, centroid_blocks_.reserve(parameter_count), threads);
  kernels::cpu::to_blocks(weights_.data(), rows, feature_dim_, weight_blocks_.reserve(parameter_count), threads);
  float* blocks = feature_blocks_.reserve(kernels::blocked_count(offsets_.back(), feature_dim_));
  sample_blocks_.clear();
  for (std::size_t b = 0; b + 1 < offsets_.size(); ++b) {
    const std::int64_t length = offsets_[b + 1] - offsets_[b];
    kernels::cpu::to_blocks(features_.data() + offsets_[b] * feature_dim_, length, feature_dim_, blocks, threads);
    sample_blocks_.push_back(blocks);
    blocks += kernels::blocked_count(length, feature_dim_);
  }
}

void KernelProblem::cost(int threads, const kernels::Variant& variant) {
  const std::int64_t stride = kernels::cost_stride(classes_, steps_);
  const std::int64_t columns = std::max(kCostElementsPerCall / stride, std::int64_t{1});
  const kernels::BlockedSamples all = blocked_samples();
  kernels::cpu::parallel_for(threads, threads, 1, [&](std::int64_t part, int) {
    const std::int64_t end = all.count * (part + 1) / threads;
    for (std::int64_t first = all.count * part / threads; first < end;) {
      std::int64_t last = first + 1;
      while (last < end && offsets_[static_cast<std::size_t>(last + 1)] - all.offsets[first] <= columns) ++last;
      kernels::cpu::cost_matrices(packed_, all, first, last - first, cost_.data() + all.offsets[first] * stride,
                                  variant);
      first = last;
    }
  });
}

void KernelProblem::search_paths(int threads, const kernels::Variant& variant) {
  kernels::cpu::search_paths(
      packed_, blocked_samples(), false, breakpoints_.data(), nullptr,
      workspace_.reserve(kernels::cpu::search_paths_workspace_bytes(packed_, blocked_samples(), threads)), threads,
      variant);
}

void KernelProblem::search_quantized_paths(int threads, const kernels::cpu::QuantizedVariant& variant) {
  kernels::cpu::search_quantized_paths(
      quantized_, blocked_samples(), false, breakpoints_.data(),
      workspace_.reserve(kernels::cpu::search_quantized_paths_workspace_bytes(quantized_, blocked_samples(), threads)),
      threads, variant);
}

void KernelProblem::distances(int threads, const kernels::Variant& variant) {
  kernels::cpu::distances_along_paths(
      blocked_parameters(), blocked_samples(), breakpoints_.data(), distances_.data(),
      workspace_.reserve(kernels::cpu::distances_workspace_bytes(blocked_parameters(), blocked_samples(), threads)),
      threads, variant);
}

void KernelProblem::gradient(int threads, const kernels::Variant& variant) {
  const std::int64_t group = gradient_group(TrainConfig{}.batch_size);  // as training does it
  kernels::cpu::gradient_along_paths(blocked_parameters(), blocked_samples(), breakpoints_.data(),
                                     distance_gradient_.data(), kernels::TieSign::kZero, group, slope_sum_.data(),
                                     magnitude_sum_.data(),
                                     workspace_.reserve(kernels::cpu::gradient_workspace_bytes(
                                         blocked_parameters(), blocked_samples(), group, threads)),
                                     threads, variant);
}

kernels::ParametersView<float> KernelProblem::parameters() const {
  return {centroids_.data(), weights_.data(), classes_, steps_, feature_dim_};
}

kernels::SamplesView<float> KernelProblem::samples() const {
  return {features_.data(), offsets_.data(), static_cast<std::int64_t>(offsets_.size()) - 1, feature_dim_};
}

kernels::BlockedParameters KernelProblem::blocked_parameters() const {
  return {centroid_blocks_.data(), weight_blocks_.data(), classes_, steps_, feature_dim_};
}

kernels::BlockedSamples KernelProblem::blocked_samples() const {
  return {sample_blocks_.data(), offsets_.data(), static_cast<std::int64_t>(offsets_.size()) - 1, feature_dim_};
}

}  // namespace alignment::bench
