#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace alignment::dejavid::bench {

/// Raw, in this processor's order. Throws io::WriteError.
void write_floats(const std::filesystem::path& file, std::span<const float> values);

/// Runs `script` of `folder` in a Python with PyTorch, with the folder as its argument, and returns what it writes to
/// results.json there. `python`: empty is the one that the build's LibTorch is part of, where it still is there, else
/// the one on the PATH. Throws ConfigError where that is no Python with PyTorch, or has no compiler or GPU where the
/// script needs one, and std::runtime_error where the script fails or a signal asks us to stop.
[[nodiscard]] nlohmann::json run_torch_script(const std::filesystem::path& folder, const std::string& script,
                                              const std::string& python);

}  // namespace alignment::dejavid::bench
