#pragma once

#include <cstdint>
#include <filesystem>

/// A file's bytes as the operating system holds them. All throw std::system_error.
namespace alignment::bench {

/// Asks the system to forget what it keeps of the file in memory; what it does about it, cached_share() tells. File
/// systems in memory keep everything.
void drop_from_page_cache(const std::filesystem::path& file);

/// The share of the file's pages that lie in memory, 0..1.
[[nodiscard]] double cached_share(const std::filesystem::path& file);

/// Reads the whole file by read(), piece after piece into the same memory. Returns its bytes.
std::int64_t read_raw(const std::filesystem::path& file);

}  // namespace alignment::bench
