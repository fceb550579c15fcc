#pragma once

#include <cstdint>
#include <memory>

#include "src/encoding/encoders/encoder.hpp"

namespace alignment::encoding {

/// The encoder `motion`: colours, and where and which way they change, on a grid of 4 x 4 cells. It has no weights. All
/// sums are of integers and each feature is one or two correctly rounded operations on them, so that every machine
/// gives the same bits. docs/reference/encoders.md has the formula.
///
/// A row, cells (r, c) row by row:
///   [0, 48)     colour: of a cell and channel, the mean of all frames, 0..255 to -1..1
///   [48, 64)    change: the square root of a cell's mean |luma difference| of successive frames, 0..255 to 0..1
///   [64, 112)   trend: of a cell and channel, the signed square root of mean(last 4 frames) - mean(first 4 frames)
///   [112, 144)  direction: of a cell, to the right and downwards, -1..1
class MotionEncoder : public Encoder {
 public:
  static constexpr int kFrames = 16, kSize = 96, kGrid = 4;
  static constexpr std::int64_t kFeatures = 144;

  MotionEncoder();
  [[nodiscard]] const EncoderDescription& description() const override { return description_; }
  void encode(std::span<const std::uint8_t> frames, std::int64_t batch, std::span<float> rows) const override;

 private:
  EncoderDescription description_;
};

}  // namespace alignment::encoding
