#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <variant>

#include "kernels/cost.hpp"
#include "kernels/quantized.hpp"

/// Path searches on a GPU, in each precision of costs: what uses, tests or measures them goes through one table.
namespace alignment::kernels::cuda {

/// Parameters packed for a search; their type is its precision.
using SearchParameters = std::variant<PackedParameters, HalfPackedParameters, QuantizedParameters>;

struct SearchPrecision {
  std::string_view name;  ///< "f32", "f16", "i8"
  /// Instructions a warp issues for 32 elements of a large problem's costs, as counted in the machine code for sm_90,
  /// what surrounds the innermost loop included. An SM that issues four a clock cannot be faster.
  double instructions;
  /// Bytes that pack() writes.
  std::size_t (*parameter_bytes)(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim);
  SearchParameters (*pack)(const ParametersView<float>& parameters, std::byte* memory, Stream stream);
};

/// All of them, f32 first.
[[nodiscard]] std::span<const SearchPrecision> search_precisions();
/// The one of that name, which must be there.
[[nodiscard]] const SearchPrecision& search_precision(std::string_view name);

/// Bytes that pack_samples() writes.
[[nodiscard]] std::size_t packed_sample_bytes(const SearchParameters& parameters, const Samples& samples);
/// `samples` in the layout that cost_matrices() wants beside `parameters`.
void pack_samples(const SearchParameters& parameters, const Samples& samples, std::byte* packed, Stream stream);
/// cost [total_steps, cost_stride], row = i*C + c, in the precision's own scale.
void cost_matrices(const SearchParameters& parameters, const std::byte* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream);

/// Bytes that search_paths() needs for these samples; in no precision more than in f32.
[[nodiscard]] std::size_t search_paths_workspace_bytes(const SearchParameters& parameters, const Samples& samples,
                                                       bool diagonal);
/// As reference::search_paths: packs the samples, computes cost matrices, runs the dynamic programme, one thread a
/// path. A distance is the f64 sum of the path's costs, from the last cell to the first: in f32 the bits of
/// cpu::search_paths where the costs are the same. In i8 the paths are those of cpu::search_quantized_paths.
/// `workspace`: search_paths_workspace_bytes(). `distances`: [B,C] or nullptr.
void search_paths(const SearchParameters& parameters, const Samples& samples, bool diagonal, std::int32_t* breakpoints,
                  std::byte* workspace, Stream stream, double* distances = nullptr);

}  // namespace alignment::kernels::cuda
