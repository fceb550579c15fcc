#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "src/encoding/encoders/encoder.hpp"

namespace alignment::encoding {

/// What an encoder must give for the two inputs of the probe.
struct Probe {
  static constexpr std::int64_t kInputs = 2;

  std::string where;                  ///< for messages: the file of the values, or the encoder's name
  std::vector<std::int64_t> columns;  ///< of a row, ascending; some of the features and, where there are any, logits
  std::vector<float> values;          ///< [kInputs, columns]
};

/// The inputs of the probe, [kInputs, frames, size, size, 3]: input n, frame t, row y, column x, channel c is
/// (x (3 + c) + y (5 - c) + t (11 + 2 n) + 17 (x div 8 xor y div 8) + 53 n) mod 256.
[[nodiscard]] std::vector<std::uint8_t> probe_frames(int frames, int size);

/// Reads the values of all columns: a .npy of [kInputs, features + logits]. Throws EncoderError.
[[nodiscard]] Probe read_probe(const std::filesystem::path& file, const EncoderDescription& description);

/// By how much an encoder may differ from its probe, as a share of the largest |value| of the features, and of the
/// logits: 1e-4 in f32; in f16 and bf16 16 units of rounding (2^-11, 2^-8), what 256 roundings one behind the other
/// come to when their errors are independent.
[[nodiscard]] double probe_tolerance(EncoderPrecision precision);

/// Has the encoder encode each input alone and both at once. Throws EncoderError where a row is further from its values
/// than the tolerance allows.
void check_probe(const Encoder& encoder, const Probe& probe, EncoderPrecision precision);

}  // namespace alignment::encoding
