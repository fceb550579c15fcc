#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "src/encoding/encoders/encoder.hpp"

namespace alignment::encoding {

/// What the JSON beside an exported encoder says: NAME.json of NAME.pt. docs/reference/encoders.md lists the keys.
struct ExportedSettings {
  EncoderDescription
      description;     ///< its name is that of the file, its digest is of the file's sha256 and all the rest
  std::string layout;  ///< one that is_layout() knows
  bool to_one = true;  ///< numbers go from 0 to 1 before `mean` is taken off, else from 0 to 255
  std::array<double, 3> mean{}, std{};  ///< of red, green and blue
  std::string sha256;                   ///< of the exported encoder
  std::filesystem::path probe;          ///< the file of the probe's values
};

/// Reads the JSON beside `encoder` and compares its sha256 with the file's. Throws EncoderError that names the key.
[[nodiscard]] ExportedSettings read_exported_settings(const std::filesystem::path& encoder);

}  // namespace alignment::encoding
