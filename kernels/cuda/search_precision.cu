#include "kernels/search_precision.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "kernels/warp.hpp"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cuda {
namespace {

// What the precisions have in common, under one name.

std::size_t sample_bytes(const PackedParameters& /*parameters*/, const Samples& samples) {
  return static_cast<std::size_t>(packed_sample_count(samples.total_steps, samples.feature_dim)) * sizeof(float);
}
std::size_t sample_bytes(const HalfPackedParameters& /*parameters*/, const Samples& samples) {
  return static_cast<std::size_t>(half_packed_sample_count(samples.total_steps, samples.feature_dim)) * 2;
}
std::size_t sample_bytes(const QuantizedParameters& /*parameters*/, const Samples& samples) {
  return static_cast<std::size_t>(quantized_sample_count(samples.total_steps, samples.feature_dim)) *
         sizeof(std::uint32_t);
}

void pack(const PackedParameters& /*parameters*/, const Samples& samples, std::byte* packed, Stream stream) {
  pack_samples(samples, reinterpret_cast<float*>(packed), stream);
}
void pack(const HalfPackedParameters& parameters, const Samples& samples, std::byte* packed, Stream stream) {
  pack_half_samples(parameters, samples, packed, stream);
}
void pack(const QuantizedParameters& parameters, const Samples& samples, std::byte* packed, Stream stream) {
  quantize_samples(parameters, samples, reinterpret_cast<std::uint32_t*>(packed), stream);
}

void costs(const PackedParameters& parameters, const std::byte* packed, std::int64_t total_steps, float* cost,
           Stream stream) {
  cost_matrices(parameters, reinterpret_cast<const float*>(packed), total_steps, cost, stream);
}
void costs(const HalfPackedParameters& parameters, const std::byte* packed, std::int64_t total_steps, float* cost,
           Stream stream) {
  cost_matrices(parameters, static_cast<const void*>(packed), total_steps, cost, stream);
}
void costs(const QuantizedParameters& parameters, const std::byte* packed, std::int64_t total_steps, float* cost,
           Stream stream) {
  cost_matrices(parameters, reinterpret_cast<const std::uint32_t*>(packed), total_steps, cost, stream);
}

struct Shape {
  std::int64_t classes, steps;
};

Shape shape_of(const SearchParameters& parameters) {
  return std::visit([](const auto& one) { return Shape{one.classes, one.steps}; }, parameters);
}

struct Arrays {
  std::byte* packed_samples;
  float* cost;
  std::byte* warp_workspace;
};

Arrays carve(Workspace& workspace, const SearchParameters& parameters, const Samples& samples, bool diagonal) {
  const auto [classes, steps] = shape_of(parameters);
  return {
      workspace.request<std::byte>(static_cast<std::int64_t>(packed_sample_bytes(parameters, samples))),
      workspace.request<float>(samples.total_steps * cost_stride(classes, steps)),
      workspace.request<std::byte>(static_cast<std::int64_t>(warp_workspace_bytes(classes, steps, samples, diagonal)))};
}

std::size_t packed_parameter_bytes(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  return static_cast<std::size_t>(packed_parameter_count(classes, steps, feature_dim)) * sizeof(float);
}

SearchParameters pack_plain(const ParametersView<float>& parameters, std::byte* memory, Stream stream) {
  return pack_parameters(parameters, reinterpret_cast<float*>(memory), stream);
}
SearchParameters pack_half(const ParametersView<float>& parameters, std::byte* memory, Stream stream) {
  return pack_half_parameters(parameters, memory, stream);
}
SearchParameters pack_quantized(const ParametersView<float>& parameters, std::byte* memory, Stream stream) {
  return quantize_parameters(parameters, memory, stream);
}

constexpr std::array<SearchPrecision, 3> kPrecisions{{{"f32", 2.16, packed_parameter_bytes, pack_plain},
                                                      {"f16", 0.733, half_packed_parameter_bytes, pack_half},
                                                      {"i8", 0.54, quantized_parameter_bytes, pack_quantized}}};

}  // namespace

std::span<const SearchPrecision> search_precisions() {
  return kPrecisions;
}

const SearchPrecision& search_precision(std::string_view name) {
  const auto* const found = std::find_if(kPrecisions.begin(), kPrecisions.end(),
                                         [&](const SearchPrecision& one) { return one.name == name; });
  if (found == kPrecisions.end()) throw std::logic_error("path searches in " + std::string(name) + " on a GPU");
  return *found;
}

std::size_t packed_sample_bytes(const SearchParameters& parameters, const Samples& samples) {
  return std::visit([&](const auto& one) { return sample_bytes(one, samples); }, parameters);
}

void pack_samples(const SearchParameters& parameters, const Samples& samples, std::byte* packed, Stream stream) {
  std::visit([&](const auto& one) { pack(one, samples, packed, stream); }, parameters);
}

void cost_matrices(const SearchParameters& parameters, const std::byte* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream) {
  std::visit([&](const auto& one) { costs(one, packed_samples, total_steps, cost, stream); }, parameters);
}

std::size_t search_paths_workspace_bytes(const SearchParameters& parameters, const Samples& samples, bool diagonal) {
  Workspace sizing(nullptr);
  carve(sizing, parameters, samples, diagonal);
  return sizing.required_bytes();
}

void search_paths(const SearchParameters& parameters, const Samples& samples, bool diagonal, std::int32_t* breakpoints,
                  std::byte* workspace, Stream stream, double* distances) {
  const auto [classes, steps] = shape_of(parameters);
  if (steps == 1 && distances == nullptr) return;  // one row has no breakpoints
  Workspace arena(workspace);
  const Arrays arrays = carve(arena, parameters, samples, diagonal);
  pack_samples(parameters, samples, arrays.packed_samples, stream);
  cost_matrices(parameters, arrays.packed_samples, samples.total_steps, arrays.cost, stream);
  warp(arrays.cost, classes, steps, samples, diagonal, breakpoints, distances, arrays.warp_workspace, stream);
}

}  // namespace alignment::kernels::cuda
