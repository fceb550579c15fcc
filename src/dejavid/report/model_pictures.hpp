#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"
#include "src/dejavid/model/model.hpp"

namespace alignment::dejavid {

/// What features are called in a report.
class FeatureNames {
 public:
  /// "feature 7", "slope of feature 7". Where all files of `store` (may be null) say alike that they hold logits, these
  /// are "feature 7: logit of jump", of steps of several windows "feature 7: logit of jump in window 2 of 4".
  FeatureNames(const Model& model, const io::TseStore* store);
  /// A file with a name a line for each of the features of the store; their slopes, where the model has them, are named
  /// after them. Throws io::StoreError where it has another number of lines.
  FeatureNames(const std::filesystem::path& file, const Model& model);

  [[nodiscard]] std::string of(std::int64_t feature) const;
  /// Whether they come from a file.
  [[nodiscard]] bool given() const { return !names_.empty(); }

 private:
  std::vector<std::string> names_;   ///< [F]; empty where none are given
  std::vector<std::string> logits_;  ///< [features that are no slopes], "" of one that is no logit of a known class
};

/// Classes that are shown at once; the others are folded.
inline constexpr std::size_t kOpenClasses = 50;
/// Columns a class is drawn with at most, and a folded one; more features are drawn as the strongest of neighbours.
inline constexpr std::int64_t kMostColumns = 256, kFoldedColumns = 128;

/// Pictures of every class's weights and centroids, the classes in this order, as html. `remarks` (html, by class, or
/// empty) stand behind the names.
[[nodiscard]] std::string weights_and_centroids(const Model& model, const std::vector<std::size_t>& order,
                                                const std::vector<std::string>& remarks, const FeatureNames& names);

}  // namespace alignment::dejavid
