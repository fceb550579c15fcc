#pragma once

#include <filesystem>
#include <memory>

#include "src/encoding/encoders/encoder.hpp"

namespace alignment::encoding {

/// The encoder of an exported network, with its JSON and its probe beside it; the probe has been run: in f32, and then
/// in the precision asked for. Throws EncoderError.
[[nodiscard]] std::unique_ptr<Encoder> make_exported_encoder(const std::filesystem::path& file,
                                                             const EncoderPlace& place);

}  // namespace alignment::encoding
