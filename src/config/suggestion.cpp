#include "src/config/suggestion.hpp"

#include <algorithm>
#include <limits>

namespace alignment {
namespace {

/// Optimal string alignment distance.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before_last(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
  for (std::size_t column = 0; column <= right.size(); ++column) row[column] = column;
  for (std::size_t line = 1; line <= left.size(); ++line) {
    before_last.swap(last);
    last.swap(row);
    row[0] = line;
    for (std::size_t column = 1; column <= right.size(); ++column) {
      const std::size_t change = left[line - 1] == right[column - 1] ? 0 : 1;
      row[column] = std::min({last[column] + 1, row[column - 1] + 1, last[column - 1] + change});
      if (line > 1 && column > 1 && left[line - 1] == right[column - 2] && left[line - 2] == right[column - 1]) {
        row[column] = std::min(row[column], before_last[column - 2] + 1);
      }
    }
  }
  return row[right.size()];
}

/// "train.lr" -> "lr".
std::string_view after_last_dot(std::string_view word) {
  return word.substr(word.rfind('.') + 1);
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  for (const std::string& candidate : candidates) {
    // The right name in the wrong section costs one edit, so that `model.lr` leads to train.lr.
    const std::size_t distance =
        std::min(edit_distance(word, candidate), edit_distance(after_last_dot(word), after_last_dot(candidate)) + 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace alignment
