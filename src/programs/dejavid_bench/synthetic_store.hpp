#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace alignment::bench {

/// Writes a synthetic set of `preset`'s shape to `folder`/PRESET.h5 and returns that path. Throws ConfigError for
/// counts that make no set, io::WriteError, and std::runtime_error where a signal asks to stop.
[[nodiscard]] std::filesystem::path write_synthetic_store(const std::string& preset, std::int64_t train_samples,
                                                          std::int64_t val_samples,
                                                          const std::filesystem::path& folder);

}  // namespace alignment::bench
