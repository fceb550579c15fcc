#include "src/training/scores.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace alignment {

std::size_t place_of(const std::string& key, const std::vector<ScoreName>& names) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const ScoreName& name) { return name.key == key; });
  if (found == names.end()) throw std::logic_error("no score is called " + key);
  return static_cast<std::size_t>(found - names.begin());
}

bool is_better(const ScoreNames& names, const Scores& found, const Scores& best) {
  const std::size_t criterion = place_of(names.criterion, names.validation);
  if (std::isnan(found[criterion]) || std::isnan(best[criterion])) {
    return !std::isnan(found[criterion]);
  }
  if (found[criterion] != best[criterion] || names.smallest_of_equals.empty()) {
    return found[criterion] > best[criterion];
  }
  const std::size_t decides = place_of(names.smallest_of_equals, names.validation);
  return found[decides] < best[decides];
}

EpochScores EpochScores::none(const ScoreNames& names) {
  return {-1, Scores(names.train.size(), 0.0), Scores(names.validation.size(), 0.0)};
}

}  // namespace alignment
