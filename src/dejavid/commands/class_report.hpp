#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/store/tse_store.hpp"

/// What eval and neighbours say of classes. `confusion`: [C,C] counts, row = label, column = prediction.
namespace alignment::dejavid {

/// Samples that can be neither right nor wrong: nobody has said their class, or it is one that cannot be predicted.
struct LeftOut {
  std::int64_t samples = 0, unlabelled = 0;
  std::map<std::string, std::int64_t> unknown;  ///< samples of each class that cannot be predicted

  LeftOut(const io::TseStore& store, const std::vector<std::int64_t>& all,
          const std::function<bool(std::int64_t sample)>& is_judged);

  /// "3 samples of classes that the model does not know (dance 2, jump 1) and 1 without a label". `which`: what is said
  /// of the classes.
  [[nodiscard]] std::string text(std::string_view which) const;
};
/// {"unlabelled": 1, "unknown_classes": {"dance": 2, "jump": 1}}
[[nodiscard]] nlohmann::ordered_json json_of(const LeftOut& left_out);

/// A line for every class that has samples.
[[nodiscard]] std::string text_of_classes(std::span<const std::int64_t> confusion,
                                          const std::vector<std::string>& class_names);
/// Adds `per_class`, whose accuracy is null for a class without samples, and `confusion`.
void add_classes(std::span<const std::int64_t> confusion, const std::vector<std::string>& class_names,
                 nlohmann::ordered_json& json);

}  // namespace alignment::dejavid
