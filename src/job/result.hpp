#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/watch/watchdog.hpp"
#include "io/result_file.hpp"

/// Results that a user has asked for by name (--out, --json). Rank 0 writes them.
namespace alignment {

/// Collective. Where rank 0 will write, looked at before any work is done; nothing on other ranks, or where no file is
/// asked for. `inputs` must not be written over. `timeout`: of the file system; then the process ends with 14.
[[nodiscard]] std::optional<io::ResultFile> open_result(const std::filesystem::path& out,
                                                        const std::vector<std::filesystem::path>& inputs,
                                                        std::chrono::duration<double> timeout,
                                                        dist::Communicator& communicator);

/// While it lives, rank 0 waits for the file of its result, and for nothing else.
[[nodiscard]] dist::Deadline writing_result(std::chrono::duration<double> timeout);

/// A regular file in bounded time; who reads standard output or a pipe may take any. Throws io::WriteError.
void write_result(const io::ResultFile& result, const std::string& content, std::chrono::duration<double> timeout);

}  // namespace alignment
