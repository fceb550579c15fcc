#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/tensors.hpp"
#include "src/dejavid/model/model.hpp"

namespace alignment::dejavid {

/// One sample against one class: what the distance is made of.
struct ClassAlignment {
  std::int32_t label = 0;
  std::vector<double> cost;                   ///< [K,T] weighted cost matrix (kernels/cost.hpp)
  std::vector<kernels::ColumnRange> columns;  ///< [K] steps of the sample that each centroid step covers on the path
  std::vector<double> step_costs;             ///< [K] what the path costs within each centroid step
  double distance = 0;                        ///< the path's cost, added up as kernels::cpu::search_paths does
};

/// `rows` [T,F] against these classes of the model: costs and paths of the kernels that evaluation uses on the CPU, to
/// the bit, since neither depends on what is computed beside it.
[[nodiscard]] std::vector<ClassAlignment> align_sample(const Model& model, std::span<const float> rows,
                                                       std::span<const std::int32_t> classes);

/// [F] What each feature of the sample adds to the distance along that path, in f64: together the distance but for
/// rounding.
[[nodiscard]] std::vector<double> feature_costs(const Model& model, std::span<const float> rows,
                                                const ClassAlignment& one);

}  // namespace alignment::dejavid
