#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alignment::lrprop {

/// Extents of the encoder (spec: two fully connected layers, a projection, positions, transformer blocks, output).
struct EncoderSizes {
  std::int64_t feature_dim = 0;   ///< F
  std::int64_t fc_width = 0;      ///< of fc1 and fc2
  std::int64_t hidden = 0;        ///< of the transformer
  std::int64_t heads = 0;         ///< of each block's attention; a divisor of hidden
  std::int64_t ff_width = 0;      ///< within a block's feed-forward
  std::int64_t layers = 0;        ///< blocks
  std::int64_t embedding = 0;     ///< E
  std::int64_t train_frames = 0;  ///< T, over which positions go

  bool operator==(const EncoderSizes&) const = default;
};

/// An array of the model file, in the shape that torch's modules have.
struct ArrayShape {
  std::string name;                 ///< "layers.0.q.weight"
  std::vector<std::int64_t> shape;  ///< [out,in] of a linear layer
  bool trained = true;              ///< whether the losses depend on it

  [[nodiscard]] std::int64_t count() const {
    std::int64_t product = 1;
    for (const std::int64_t extent : shape) product *= extent;
    return product;
  }
};

/// The weights of an encoder: first those that are trained, then those that no loss depends on, whose gradients are
/// rounding noise that Adam would turn into steps: biases before a batch norm, also with linear layers between (of the
/// last block and the output), and of keys. Dropout alone lets the last block's bias matter to a loss, by its masks.
[[nodiscard]] std::vector<ArrayShape> weight_arrays(const EncoderSizes& sizes);
/// Running statistics of the batch norms: bn1, bn2, head_bn, each mean and variance.
[[nodiscard]] std::vector<ArrayShape> statistic_arrays(const EncoderSizes& sizes);

/// Numbers in all.
[[nodiscard]] std::int64_t element_count(const std::vector<ArrayShape>& arrays);
/// The same of those that are trained.
[[nodiscard]] std::int64_t trained_count(const std::vector<ArrayShape>& arrays);

}  // namespace alignment::lrprop
