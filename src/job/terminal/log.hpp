#pragma once

#include <filesystem>
#include <string>

#include "dist/topology.hpp"

namespace alignment {

/// The program's log. Rank 0: information to stderr; every rank: warnings to stderr with `[host:rank]`, everything to
/// its file once open_log_file() has been called.
void start_log(const dist::Topology& topology);
/// From now on also to folder/logs/rank<R>.log (appended to).
void open_log_file(const std::filesystem::path& folder, const dist::Topology& topology);
void log_info(const std::string& line);
void log_warning(const std::string& line);
/// To the rank's file only.
void log_detail(const std::string& line);

}  // namespace alignment
