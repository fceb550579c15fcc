#pragma once

#include <string>
#include <vector>

#include "dist/communicator.hpp"

namespace alignment {

/// One check of `doctor` as this rank saw it.
struct CollectiveCheck {
  std::string name;  ///< the same on every rank
  bool passed = false;
};

/// Collective. Sends known values through every collective and element type and compares with what must arrive.
[[nodiscard]] std::vector<CollectiveCheck> check_collectives(dist::Communicator& communicator);

}  // namespace alignment
