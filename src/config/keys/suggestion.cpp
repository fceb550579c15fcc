#include "src/config/keys/suggestion.hpp"

#include <algorithm>
#include <limits>
#include <utility>

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

std::vector<std::string> nearest_ids(std::string_view id, const std::vector<std::string>& candidates,
                                     std::size_t count) {
  constexpr std::size_t kCompared = 64;                   // the distance takes the product of the lengths
  std::vector<std::pair<std::size_t, std::size_t>> near;  // how far, which
  for (std::size_t n = 0; n < candidates.size(); ++n) {
    const std::string_view candidate = candidates[n];
    near.emplace_back(edit_distance(id.substr(0, kCompared), candidate.substr(0, kCompared)), n);
  }
  count = std::min(count, near.size());
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(count), near.end());
  std::vector<std::string> nearest;
  for (std::size_t n = 0; n < count; ++n) nearest.push_back(candidates[near[n].second]);
  return nearest;
}

}  // namespace alignment
