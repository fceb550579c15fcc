#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "src/lrprop/config/config.hpp"
#include "src/lrprop/samples/views.hpp"

/// LRProp written down once more, as one would in PyTorch: sequences padded to [sequences, T, width] with a mask, one
/// graph from features to loss, every gradient by autograd, torch's own Adam. Shares no line with the program.
namespace alignment::lrprop::plain {

struct Sequence {
  torch::Tensor features;            ///< [n,F] of the sampled frames
  std::vector<std::int64_t> frames;  ///< [n]
};
/// a0 a1 b0 b1
using Pair = std::vector<Sequence>;

struct Terms {
  torch::Tensor loss, same, prop, sdtw, regularizer;
};

class Model : public torch::nn::Module {
 public:
  Model(std::int64_t features, const ModelConfig& config, std::int64_t frames);
  /// Projected rows of unit length [sequences, T, E], in training mode, no dropout.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask);
  /// Rows of unit length [n,E] in evaluation mode.
  torch::Tensor embed(const torch::Tensor& x);

  std::vector<std::pair<std::string, torch::Tensor>> named_arrays();

 private:
  torch::Tensor encode(const torch::Tensor& x, const torch::Tensor& mask, const std::vector<double>& positions);
  torch::Tensor batch_norm(torch::nn::BatchNorm1d& norm, const torch::Tensor& x, const torch::Tensor& mask);
  torch::Tensor position_table(const std::vector<double>& positions) const;

  std::int64_t heads_, hidden_, frames_;
  torch::nn::Linear fc1{nullptr}, fc2{nullptr}, emb{nullptr}, out{nullptr}, head1{nullptr}, head2{nullptr};
  torch::nn::BatchNorm1d bn1{nullptr}, bn2{nullptr}, head_bn{nullptr};
  struct Block {
    torch::nn::LayerNorm norm1{nullptr}, norm2{nullptr};
    torch::nn::Linear q{nullptr}, k{nullptr}, v{nullptr}, o{nullptr}, ff1{nullptr}, ff2{nullptr};
  };
  std::vector<Block> blocks_;
};

/// Mean over the pairs.
Terms loss_of(Model& model, const std::vector<Pair>& pairs, const LossConfig& config, std::int64_t frames);

}  // namespace alignment::lrprop::plain
