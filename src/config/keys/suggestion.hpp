#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace alignment {

/// The candidate that `word` most likely means: what it is an alias of ("learning_rate" of "train.lr"), else the one
/// that is fewest edits away (inserted, removed, changed or swapped characters), the first on a tie; capitals and
/// dashes count as small letters and underscores. The part after the last dot is also compared alone, so that "lr" and
/// "model.lr" lead to "train.lr", and a part of a name counts little, so that "timeout" leads to "dist.timeout_s".
/// `candidates` must not be empty.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// Up to `count` of the candidates, those that are fewest edits away first, of equals the earlier; by the first 64
/// bytes of each.
[[nodiscard]] std::vector<std::string> nearest_ids(std::string_view id, const std::vector<std::string>& candidates,
                                                   std::size_t count);

}  // namespace alignment
