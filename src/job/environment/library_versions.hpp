#pragma once

#include <string>
#include <utility>
#include <vector>

namespace alignment {

/// Name and version of this program, its compiler and what it is linked with: {"HDF5", "1.10.8"}, ...
[[nodiscard]] std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace alignment
