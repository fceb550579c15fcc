#pragma once

#include <vector>

#include "src/config/keys.hpp"

/// The rows of the sections that every system has. KeyTable puts them in their places.
namespace alignment {

[[nodiscard]] std::vector<Key> data_keys();
[[nodiscard]] std::vector<Key> dist_keys();
[[nodiscard]] std::vector<Key> run_keys();

}  // namespace alignment
