#include "src/lrprop/network/encoder.hpp"

#include <cmath>

namespace alignment::lrprop {
namespace {

using torch::Tensor;

Tensor linear(const NamedTensors& weights, const std::string& name, const Tensor& x, const TrainingPass& pass) {
  Tensor y = torch::linear(x, weights.at(name + ".weight"), weights.at(name + ".bias"));
  if (pass.tape != nullptr) pass.tape->push_back({name, x.detach(), y, {}});
  return y;
}

Tensor layer_norm(const NamedTensors& weights, const std::string& name, const Tensor& x) {
  return torch::layer_norm(x, {x.size(1)}, weights.at(name + ".weight"), weights.at(name + ".bias"), kNormEpsilon);
}

/// A batch norm's scale and shift, then ReLU.
Tensor activated(const NamedTensors& weights, const std::string& name, const Tensor& normed) {
  return torch::addcmul(weights.at(name + ".bias"), normed, weights.at(name + ".weight")).relu();
}

Tensor dropped(const Tensor& x, const TrainingPass& pass, std::int64_t place) {
  return pass.dropout ? x * pass.dropout(place, x.size(1)) : x;
}

}  // namespace

Tensor position_rows(const std::vector<double>& positions, std::int64_t hidden) {
  const auto rows = static_cast<std::int64_t>(positions.size());
  Tensor encoded = torch::empty({rows, hidden}, torch::kFloat64);
  auto* at = encoded.data_ptr<double>();
  std::vector<double> rates(static_cast<std::size_t>(hidden));
  for (std::int64_t c = 0; c < hidden; ++c) {
    constexpr double kLongest = 10'000;
    rates[static_cast<std::size_t>(c)] = std::pow(kLongest, static_cast<double>(c) / static_cast<double>(hidden));
  }
  for (const double position : positions) {
    for (std::int64_t c = 0; c < hidden; ++c) {
      const double angle = position / rates[static_cast<std::size_t>(c)];
      *at++ = c % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  }
  return encoded;
}

Tensor unit_rows(const Tensor& rows) {
  constexpr double kSmallestNorm = 1e-12;
  return rows / rows.norm(2, {1}, true).clamp_min(kSmallestNorm);
}

Tensor Encoder::first(const NamedTensors& weights, const Tensor& x, const TrainingPass& pass) {
  return linear(weights, "fc1", dropped(x, pass, 0), pass);
}

Tensor Encoder::second(const NamedTensors& weights, const Tensor& normed, const TrainingPass& pass) {
  return linear(weights, "fc2", dropped(activated(weights, "bn1", normed), pass, 1), pass);
}

Tensor Encoder::third(const NamedTensors& weights, const Tensor& normed, const Tensor& positions,
                      const std::vector<std::int64_t>& lengths, const TrainingPass& pass) const {
  Tensor x = linear(weights, "emb", activated(weights, "bn2", normed), pass) + positions;
  std::int64_t place = 2;
  x = dropped(x, pass, place++);
  for (std::int64_t layer = 0; layer < sizes_.layers; ++layer) {
    const std::string block = "layers." + std::to_string(layer) + '.';
    x = x + dropped(attention(weights, block, layer_norm(weights, block + "norm1", x), lengths, pass), pass, place++);
    const Tensor within = linear(weights, block + "ff1", layer_norm(weights, block + "norm2", x), pass).relu();
    x = x + dropped(linear(weights, block + "ff2", within, pass), pass, place++);
  }
  return linear(weights, "out", x, pass);
}

/// Within each sequence; every one of its frames is valid.
Tensor Encoder::attention(const NamedTensors& weights, const std::string& block, const Tensor& x,
                          const std::vector<std::int64_t>& lengths, const TrainingPass& pass) const {
  const std::int64_t width = sizes_.hidden / sizes_.heads;
  const auto by_heads = [&](const char* name) {  // [1,heads,rows,width]
    return linear(weights, block + name, x, pass).view({1, x.size(0), sizes_.heads, width}).transpose(1, 2);
  };
  const Tensor q = by_heads("q"), k = by_heads("k"), v = by_heads("v");
  std::vector<Tensor> parts;
  std::int64_t begin = 0;
  for (const std::int64_t length : lengths) {
    const auto part = [&](const Tensor& all) { return all.narrow(2, begin, length); };
    parts.push_back(at::scaled_dot_product_attention(part(q), part(k), part(v)));
    begin += length;
  }
  const Tensor mixed = parts.size() == 1 ? parts.front() : torch::cat(parts, 2);
  return linear(weights, block + "o", mixed.transpose(1, 2).reshape({x.size(0), sizes_.hidden}), pass);
}

Tensor Encoder::head(const NamedTensors& weights, const Tensor& out, const TrainingPass& pass) {
  return linear(weights, "head1", out, pass);
}

Tensor Encoder::projected(const NamedTensors& weights, const Tensor& normed, const TrainingPass& pass) {
  return unit_rows(linear(weights, "head2", activated(weights, "head_bn", normed), pass));
}

}  // namespace alignment::lrprop
