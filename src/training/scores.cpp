#include "src/training/scores.hpp"

#include <algorithm>
#include <stdexcept>

namespace alignment {

std::size_t place_of(const std::string& key, const std::vector<ScoreName>& names) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const ScoreName& name) { return name.key == key; });
  if (found == names.end()) throw std::logic_error("no score is called " + key);
  return static_cast<std::size_t>(found - names.begin());
}

EpochScores EpochScores::none(const ScoreNames& names) {
  return {-1, Scores(names.train.size(), 0.0), Scores(names.validation.size(), 0.0)};
}

}  // namespace alignment
