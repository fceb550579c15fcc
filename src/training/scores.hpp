#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace alignment {

/// A number that a system tells of its epochs.
struct ScoreName {
  std::string key;        ///< in files: "top1"
  std::string label;      ///< in lines: "top-1"
  bool of_steps = false;  ///< told of every step too; the loss always is
};

/// Which numbers a system tells, in the order in which they are told.
struct ScoreNames {
  std::vector<ScoreName> train;  ///< the first is the loss
  std::vector<ScoreName> validation;
  std::string criterion;             ///< the key of `validation` that is largest at the best epoch
  std::string validated_on;          ///< what to call the samples of `validation`: "val"; empty: there are none
  std::string units = "samples";     ///< what a step takes
  std::string smallest_of_equals{};  ///< key that decides between equally good epochs; empty: the earliest counts

  [[nodiscard]] bool validates() const { return !validated_on.empty(); }
};

/// Values in the order of their names.
using Scores = std::vector<double>;

/// Where `key` stands among `names`. Throws std::logic_error where it does not.
[[nodiscard]] std::size_t place_of(const std::string& key, const std::vector<ScoreName>& names);

/// Whether an epoch of validation scores `found` is better than the best so far. A criterion that is not a number is
/// worse than any.
[[nodiscard]] bool is_better(const ScoreNames& names, const Scores& found, const Scores& best);

/// What an epoch came to: means over its training samples while the model changed, then of the model after it.
struct EpochScores {
  std::int64_t epoch = -1;  ///< none yet
  Scores train, validation;
  bool validated = false;  ///< else `validation` is zeros

  /// Zeros, of no epoch.
  [[nodiscard]] static EpochScores none(const ScoreNames& names);
};

}  // namespace alignment
