#pragma once

#include <filesystem>

#include "src/lrprop/model/model_content.hpp"

namespace alignment::lrprop {

/// Throws io::WriteError, io::NotFiniteError.
void write_model(const std::filesystem::path& file, const ModelContent& content);

/// Reads such a file, be it made by another program: `config`, `epoch` and digests may be absent. Throws
/// io::ModelFileError, io::NotFiniteError.
[[nodiscard]] ModelContent read_model(const std::filesystem::path& file);

}  // namespace alignment::lrprop
