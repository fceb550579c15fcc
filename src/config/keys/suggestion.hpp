#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace alignment {

/// The candidate that is fewest edits away from `word` (inserted, removed, changed or swapped characters); the first on
/// a tie. The part after the last dot is also compared alone, so that "lr" and "model.lr" lead to "train.lr".
/// `candidates` must not be empty.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// Up to `count` of the candidates, those that are fewest edits away first, of equals the earlier; by the first 64
/// bytes of each.
[[nodiscard]] std::vector<std::string> nearest_ids(std::string_view id, const std::vector<std::string>& candidates,
                                                   std::size_t count);

}  // namespace alignment
