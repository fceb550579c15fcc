#pragma once

// Includes LibTorch: only files of dejavid_encoder_networks include it.
#include <torch/torch.h>

#include <mutex>
#include <string>

#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/encoders/frame_numbers.hpp"

namespace alignment::encoding {

/// An encoder that LibTorch computes. On the CPU each calling thread computes by itself, with one thread of LibTorch's;
/// on a GPU one thread computes at a time.
class TorchEncoder : public Encoder {
 public:
  [[nodiscard]] const EncoderDescription& description() const override { return description_; }
  void encode(std::span<const std::uint8_t> frames, std::int64_t batch, std::span<float> rows) const override;

 protected:
  /// `where`: the file, or the encoder's name, that messages begin with.
  TorchEncoder(EncoderDescription description, FrameNumbers numbers, std::string where, const EncoderPlace& place);

  /// numbers: in the layout and element type of the encoder, where it computes. Returns [batch, features + logits] of
  /// any element type. May be called by several threads at once on the CPU.
  [[nodiscard]] virtual at::Tensor run(const at::Tensor& numbers) const = 0;

  /// From now on the encoder computes in `precision`, which becomes part of the digest where it is not f32.
  void set_precision(EncoderPrecision precision);

  [[nodiscard]] torch::Device device() const { return device_; }
  [[nodiscard]] torch::ScalarType type() const { return type_; }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  EncoderDescription description_;
  FrameNumbers numbers_;
  std::string where_;
  torch::Device device_;
  torch::ScalarType type_ = torch::kFloat32;
  std::chrono::duration<double> timeout_;
  mutable std::mutex gpu_;
};

/// The first line of what LibTorch says, without its stack.
[[nodiscard]] std::string first_line(const std::exception& error);

/// What to throw where LibTorch cannot move or convert an encoder's weights.
[[nodiscard]] EncoderError not_moved(const std::string& where, const std::exception& error);

}  // namespace alignment::encoding
