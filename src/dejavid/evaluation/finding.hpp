#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/store/tse_store.hpp"
#include "src/dejavid/aligner.hpp"
#include "src/dejavid/evaluation/sample_alignment.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

struct Config;

/// One sample and what the model says of it.
struct Finding {
  std::string id;
  std::string class_name;  ///< its own, as its store says; empty where it does not
  std::int32_t label = 0;  ///< of that class in the model; io::kNoLabel where the model does not know it
  io::Split split = io::Split::kTrain;
  std::int64_t length = 0;        ///< T
  std::vector<double> distances;  ///< [C]
  std::int32_t prediction = 0;    ///< its class
  double confidence = 0;
  /// With the predicted class; then with the one it was to be compared with, or without such a wish with its own where
  /// that is another.
  std::vector<ClassAlignment> alignments;
  std::vector<double> seconds;       ///< [T] or empty
  std::vector<std::int32_t> phases;  ///< [T] or empty
  std::vector<std::string> phase_names;

  [[nodiscard]] bool is_known() const { return label != io::kNoLabel; }
  [[nodiscard]] bool is_wrong() const { return is_known() && label != prediction; }
  /// "predicted", "true" (its own class) or "other", for one of `alignments`.
  [[nodiscard]] const char* role(const ClassAlignment& one) const {
    if (one.label == prediction) return "predicted";
    return one.label == label ? "true" : "other";
  }
};

/// A sample as the model compares it: rows [T,F], with slopes where the model has them. Throws as read_sample().
[[nodiscard]] std::vector<float> rows_of(io::TseStore& store, std::int64_t sample, const Model& model);

/// Which class a sample's predicted one is compared with.
struct Comparison {
  enum class With { kOwnWhereWrong, kNearestOther, kClass };
  With with = With::kOwnWhereWrong;
  std::int32_t label = 0;  ///< of kClass; nothing is compared where it is the predicted one
};

/// `aligner`: of the model. Throws io::StoreError; io::NotFiniteError.
[[nodiscard]] Finding look_at(Dataset& dataset, std::int64_t sample, Aligner& aligner, const Model& model,
                              const Config& config, const Comparison& comparison = {});

/// [T] What the path costs at each step of the sample: together its distance but for rounding.
[[nodiscard]] std::vector<double> frame_costs(const ClassAlignment& one, std::int64_t length);

/// [T] How much more the second of two alignments has cost than the predicted class's by the end of each step of the
/// sample; at the last step it is what one distance is above the other. Empty where there is no second.
[[nodiscard]] std::vector<double> lead_of_prediction(const Finding& found);

/// The step of the sample from which on that lead is above 0; none where it ends at 0 or below.
[[nodiscard]] std::optional<std::int64_t> ahead_from(const std::vector<double>& lead);

[[nodiscard]] inline const std::string& name_of(const Model& model, std::int32_t label) {
  return model.class_names[static_cast<std::size_t>(label)];
}

/// Calls `visit(step, frame, cost)` for every cell of the path, from the first to the last.
template <typename Visit>
void for_each_cell(const ClassAlignment& one, std::int64_t length, Visit&& visit) {
  for (std::size_t step = 0; step < one.columns.size(); ++step) {
    for (std::int64_t frame = one.columns[step].first; frame <= one.columns[step].last; ++frame) {
      visit(static_cast<std::int64_t>(step), frame,
            one.cost[step * static_cast<std::size_t>(length) + static_cast<std::size_t>(frame)]);
    }
  }
}

/// "wave taken for clap".
[[nodiscard]] std::string verdict(const Finding& found, const Model& model);

/// Its alignments as an SVG document.
[[nodiscard]] std::string to_svg(const Finding& found, const Model& model);

}  // namespace alignment::dejavid
