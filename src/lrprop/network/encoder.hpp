#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/lrprop/model/encoder_sizes.hpp"

/// The encoder in the parts between its batch norms. Rows are the frames of one or more sequences, one after the other;
/// `lengths` says how many rows each has. Between two parts lies a batch norm, whose own part is done by whoever calls:
/// xhat = (h - mean) / sqrt(variance + 1e-5); its scale and shift belong to the part behind it.
namespace alignment::lrprop {

/// Tensors by their names in the model file.
using NamedTensors = std::unordered_map<std::string, torch::Tensor>;

/// What dropout multiplies the rows of a place with, [rows,width], 0 or 1 / (1 - p); a place in evaluation: nothing.
using DropoutMask = std::function<torch::Tensor(std::int64_t place, std::int64_t width)>;

/// A linear layer as a pass went through it: y = x W^T + b. Of dL/dy its user makes those of W and b, once for several
/// passes: dW = sum (dL/dy)^T x.
struct LinearUse {
  std::string name;  ///< "layers.0.q"
  torch::Tensor x, y, gradient;
};
using LinearTape = std::vector<LinearUse>;

/// What training adds to a pass; in evaluation: nothing.
struct TrainingPass {
  DropoutMask dropout;
  LinearTape* tape = nullptr;  ///< gets every linear layer, in an order that is the same for every pass
};

inline constexpr double kNormEpsilon = 1e-5;
/// Of the running statistics, as torch has it.
inline constexpr double kStatisticsMomentum = 0.1;

/// Positions of sequences, [rows, hidden]: channel c of position p is sin(p / 10000^(c/hidden)) where c is even, else
/// the cosine of the same.
[[nodiscard]] torch::Tensor position_rows(const std::vector<double>& positions, std::int64_t hidden);

class Encoder {
 public:
  explicit Encoder(const EncoderSizes& sizes) : sizes_(sizes) {}

  /// fc1 of x [rows,F].
  [[nodiscard]] static torch::Tensor first(const NamedTensors& weights, const torch::Tensor& x,
                                           const TrainingPass& pass);
  /// Behind bn1: ReLU, fc2.
  [[nodiscard]] static torch::Tensor second(const NamedTensors& weights, const torch::Tensor& normed,
                                            const TrainingPass& pass);
  /// Behind bn2: ReLU, emb, positions [rows,hidden], the blocks, out: [rows,E].
  [[nodiscard]] torch::Tensor third(const NamedTensors& weights, const torch::Tensor& normed,
                                    const torch::Tensor& positions, const std::vector<std::int64_t>& lengths,
                                    const TrainingPass& pass) const;
  /// The head's first layer, of out.
  [[nodiscard]] static torch::Tensor head(const NamedTensors& weights, const torch::Tensor& out,
                                          const TrainingPass& pass);
  /// Behind head_bn: ReLU, head2, rows of unit length.
  [[nodiscard]] static torch::Tensor projected(const NamedTensors& weights, const torch::Tensor& normed,
                                               const TrainingPass& pass);

 private:
  [[nodiscard]] torch::Tensor attention(const NamedTensors& weights, const std::string& block, const torch::Tensor& x,
                                        const std::vector<std::int64_t>& lengths, const TrainingPass& pass) const;
  EncoderSizes sizes_;
};

/// Rows of unit length; a row of zeros stays.
[[nodiscard]] torch::Tensor unit_rows(const torch::Tensor& rows);

}  // namespace alignment::lrprop
