#pragma once

#include <cstdint>
#include <string>

#include "dist/communicator.hpp"
#include "src/config/sections.hpp"
#include "src/job/terminal/progress.hpp"

namespace alignment {

/// Progress of work that ranks share out and do without hearing of each other meanwhile: it counts rank 0's share, and
/// where there are several its stage says so, "centroids (rank 0 of 4)". `total`: of this rank.
[[nodiscard]] Progress progress_of_share(const dist::Communicator& communicator, ProgressChoice choice,
                                         const std::string& stage, std::int64_t total, const std::string& unit);

}  // namespace alignment
