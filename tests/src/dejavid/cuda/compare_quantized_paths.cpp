#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <random>

#include "io/store/tse_store.hpp"
#include "tests/kernels/device_problem.hpp"

// Whether searches in bytes on the GPU and on the CPU find the same paths of all samples of real data sets, to the bit.
//
//     compare_quantized_paths STORE...        a line for each store; 1 where one differs
namespace alignment::kernels::testing {
namespace {

constexpr std::int64_t kSteps = 8;

/// A class's centroid is one of its samples, resized to kSteps by the nearest steps; weights are drawn.
Problem<float> problem_of(const std::filesystem::path& file) {
  io::TseStore store(std::vector<std::filesystem::path>{file});
  const std::int64_t feature_dim = store.feature_dim();
  std::vector<std::int64_t> lengths;
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) lengths.push_back(store.length(sample));
  Problem<float> problem(store.class_count(), kSteps, feature_dim, lengths, Numbers::kReals);
  std::mt19937 generator(1);
  std::lognormal_distribution<float> weight;
  for (float& one : problem.weights()) one = weight(generator);
  for (std::int64_t sample = store.sample_count() - 1; sample >= 0; --sample) {  // so the first of a class stays
    const auto rows = problem.features().begin() + problem.samples().offsets[sample] * feature_dim;
    store.read_sample(sample, &*rows);
    const auto centroid = problem.centroids().begin() + store.label(sample) * kSteps * feature_dim;
    for (std::int64_t i = 0; i < kSteps; ++i) {
      std::copy_n(rows + (2 * i + 1) * store.length(sample) / (2 * kSteps) * feature_dim, feature_dim,
                  centroid + i * feature_dim);
    }
  }
  return problem;
}

std::vector<std::int32_t> paths_on_device(const Problem<float>& problem, bool diagonal) {
  DeviceProblem device(problem, cuda::FeatureType::kFloat32);
  const cuda::Samples samples = device.samples();
  const ParametersView<float> parameters = device.parameters();
  DeviceArray<std::byte> memory(static_cast<std::int64_t>(
      cuda::quantized_parameter_bytes(parameters.classes, parameters.steps, parameters.feature_dim)));
  const cuda::QuantizedParameters packed = cuda::quantize_parameters(parameters, memory.data(), nullptr);
  DeviceArray<std::byte> workspace(
      static_cast<std::int64_t>(cuda::search_paths_workspace_bytes(packed, samples, diagonal)));
  DeviceArray<std::int32_t> breakpoints(problem.pair_count() * (kSteps - 1));
  cuda::search_paths(packed, samples, diagonal, breakpoints.data(), workspace.data(), nullptr);
  return breakpoints.values();
}

bool compare(const std::filesystem::path& file) {
  const Problem<float> problem = problem_of(file);
  for (const bool diagonal : {false, true}) {
    const auto same = same_bits(paths_on_device(problem, diagonal),
                                quantized_paths_by(problem, diagonal, 2, cpu::best_quantized_variant()));
    if (!same) {
      fmt::print("{}: diagonal {}: {}\n", file.string(), diagonal, same.message());
      return false;
    }
  }
  const ParametersView<float> parameters = problem.parameters();
  fmt::print("{}: C={} F={} B={}: the same paths\n", file.string(), parameters.classes, parameters.feature_dim,
             problem.samples().count);
  return true;
}

}  // namespace
}  // namespace alignment::kernels::testing

int main(int count, char** arguments) try {
  bool same = true;
  for (int k = 1; k < count; ++k) same = alignment::kernels::testing::compare(arguments[k]) && same;
  return same ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print("{}\n", error.what());
  return 2;
}
