#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace alignment {

/// The candidate that is fewest edits away from `word` (inserted, removed, changed or swapped characters); the first on
/// a tie. The part after the last dot is also compared alone, so that "lr" and "model.lr" lead to "train.lr".
/// `candidates` must not be empty.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace alignment
