#pragma once

#include <filesystem>

#include "dist/topology.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment {

/// The program's log. Rank 0: information to stderr; every rank: warnings to stderr with `[host:rank]`, everything to
/// its file once open_log_file() has been called.
void start_log(const dist::Topology& topology);
/// From now on also to folder/logs/rank<R>.log (appended to).
void open_log_file(const std::filesystem::path& folder, const dist::Topology& topology);

}  // namespace alignment
