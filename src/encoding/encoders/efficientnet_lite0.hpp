#pragma once

#include <filesystem>
#include <memory>

#include "src/encoding/encoders/encoder.hpp"

namespace alignment::encoding {

/// Where the weights of EfficientNet-lite0 are: the file that the environment variable DEJAVID_EFFICIENTNET_LITE0
/// names, else where `launch/install.sh --encoder` puts them. Throws EncoderError where there are none.
[[nodiscard]] std::filesystem::path find_efficientnet_lite0();

/// What it says of itself, which needs no weights.
[[nodiscard]] EncoderDescription describe_efficientnet_lite0();

/// EfficientNet-lite0 (Tan and Le 2019; Liu 2020), trained on ImageNet: of each frame the 1280 means over its last
/// feature maps, then the 1000 logits. Batch norms are folded into the convolutions before them, in f64. Frames are
/// 224 x 224, (level - 127) / 128. The weights' SHA-256 is checked, and recorded values of the probe. Throws
/// EncoderError.
[[nodiscard]] std::unique_ptr<Encoder> make_efficientnet_lite0(const std::filesystem::path& weights,
                                                               const EncoderPlace& place);

}  // namespace alignment::encoding
