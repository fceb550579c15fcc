#include "tests/src/lrprop/network/plain_lrprop.hpp"

#include <algorithm>
#include <cmath>

namespace alignment::lrprop::plain {
namespace {

using torch::Tensor;

Tensor kl_rows(const Tensor& z_other, const Tensor& z_own, const Tensor& prior_distance, const LossConfig& config) {
  const Tensor q = torch::softmax(z_own.mm(z_other.t()) / config.temperature, 1);
  const Tensor p = torch::softmax(-prior_distance.pow(2) / (2 * config.sigma2), 1);
  return torch::where(p > 0, p * (p.log() - q.log()), torch::zeros_like(p)).sum(1).mean();
}

Tensor numbers(const std::vector<std::int64_t>& frames) {
  return torch::tensor(frames, torch::kInt64).to(torch::kFloat64);
}

Tensor distance_matrix(const Tensor& a, const Tensor& b) {
  return (a.unsqueeze(1) - b.unsqueeze(0)).pow(2).sum(2).clamp_min(1e-12).sqrt();
}

/// For each column, the first row on the path of least cost.
std::vector<std::int64_t> propagated(const Tensor& distances) {
  const std::int64_t n = distances.size(0), m = distances.size(1);
  const auto d = distances.accessor<double, 2>();
  std::vector<std::vector<double>> r(static_cast<std::size_t>(n + 1),
                                     std::vector<double>(static_cast<std::size_t>(m + 1), INFINITY));
  const auto at = [&](std::int64_t i, std::int64_t j) -> double& {
    return r[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  };
  at(0, 0) = 0;
  for (std::int64_t i = 1; i <= n; ++i) {
    for (std::int64_t j = 1; j <= m; ++j) {
      at(i, j) = d[i - 1][j - 1] + std::min({at(i - 1, j - 1), at(i - 1, j), at(i, j - 1)});
    }
  }
  std::vector<std::int64_t> first(static_cast<std::size_t>(m));
  std::int64_t i = n, j = m;
  while (i >= 1 && j >= 1) {
    first[static_cast<std::size_t>(j - 1)] = i - 1;
    const double diagonal = at(i - 1, j - 1), up = at(i - 1, j), left = at(i, j - 1);
    if (diagonal <= up && diagonal <= left) {
      --i, --j;
    } else if (up <= left) {
      --i;
    } else {
      --j;
    }
  }
  return first;
}

Tensor soft_dtw(const Tensor& d, double gamma) {
  const std::int64_t n = d.size(0), m = d.size(1);
  std::vector<std::vector<Tensor>> r(static_cast<std::size_t>(n), std::vector<Tensor>(static_cast<std::size_t>(m)));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      std::vector<Tensor> before;
      const auto cell = [&](std::int64_t row, std::int64_t column) {
        if (row >= 0 && column >= 0)
          before.push_back(r[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)]);
      };
      cell(i - 1, j - 1), cell(i - 1, j), cell(i, j - 1);
      Tensor value = d[i][j];
      if (!before.empty()) value = value - gamma * torch::logsumexp(-torch::stack(before) / gamma, 0);
      r[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = value;
    }
  }
  return r.back().back();
}

}  // namespace

Model::Model(std::int64_t features, const ModelConfig& config, std::int64_t frames)
    : heads_(config.heads), hidden_(config.hidden), frames_(frames) {
  const auto linear = [&](const std::string& name, std::int64_t in, std::int64_t out_width) {
    return register_module(name, torch::nn::Linear(in, out_width));
  };
  fc1 = linear("fc1", features, config.fc_width);
  fc2 = linear("fc2", config.fc_width, config.fc_width);
  emb = linear("emb", config.fc_width, config.hidden);
  out = linear("out", config.hidden, config.embedding);
  head1 = linear("head1", config.embedding, config.embedding);
  head2 = linear("head2", config.embedding, config.embedding);
  bn1 = register_module("bn1", torch::nn::BatchNorm1d(config.fc_width));
  bn2 = register_module("bn2", torch::nn::BatchNorm1d(config.fc_width));
  head_bn = register_module("head_bn", torch::nn::BatchNorm1d(config.embedding));
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string block = "layers_" + std::to_string(layer) + "_";
    const auto norm = [&](const std::string& name) {
      return register_module(block + name, torch::nn::LayerNorm(torch::nn::LayerNormOptions({config.hidden})));
    };
    Block made;
    made.norm1 = norm("norm1");
    made.norm2 = norm("norm2");
    made.q = linear(block + "q", hidden_, hidden_);
    made.k = linear(block + "k", hidden_, hidden_);
    made.v = linear(block + "v", hidden_, hidden_);
    made.o = linear(block + "o", hidden_, hidden_);
    made.ff1 = linear(block + "ff1", hidden_, config.ff_width);
    made.ff2 = linear(block + "ff2", config.ff_width, hidden_);
    blocks_.push_back(made);
  }
  to(torch::kFloat64);
}

Tensor Model::batch_norm(torch::nn::BatchNorm1d& norm, const Tensor& x, const Tensor& mask) {
  const Tensor flat = x.reshape({-1, x.size(2)});
  const Tensor where = mask.reshape({-1}).nonzero().squeeze(1);
  return torch::zeros_like(flat).index_copy(0, where, norm(flat.index_select(0, where))).reshape(x.sizes());
}

Tensor Model::position_table(const std::vector<double>& positions) const {
  Tensor table = torch::zeros({static_cast<std::int64_t>(positions.size()), hidden_}, torch::kFloat64);
  for (std::size_t p = 0; p < positions.size(); ++p) {
    for (std::int64_t c = 0; c < hidden_; ++c) {
      const double angle = positions[p] / std::pow(10000.0, static_cast<double>(c) / static_cast<double>(hidden_));
      table[static_cast<std::int64_t>(p)][c] = c % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  }
  return table;
}

Tensor Model::encode(const Tensor& x, const Tensor& mask, const std::vector<double>& positions) {
  Tensor y = torch::relu(batch_norm(bn1, fc1(x), mask));
  y = torch::relu(batch_norm(bn2, fc2(y), mask));
  y = emb(y) + position_table(positions);
  const Tensor blocked = torch::where(mask.unsqueeze(1).unsqueeze(1), 0.0, -INFINITY);  // of keys
  for (Block& block : blocks_) {
    const Tensor normed = block.norm1(y);
    const auto split = [&](torch::nn::Linear& linear) {
      return linear(normed).reshape({y.size(0), y.size(1), heads_, hidden_ / heads_}).permute({0, 2, 1, 3});
    };
    const Tensor q = split(block.q), k = split(block.k), v = split(block.v);
    const Tensor scores = q.matmul(k.transpose(2, 3)) / std::sqrt(static_cast<double>(hidden_ / heads_)) + blocked;
    y = y + block.o(torch::softmax(scores, 3).matmul(v).permute({0, 2, 1, 3}).reshape(y.sizes()));
    y = y + block.ff2(torch::relu(block.ff1(block.norm2(y))));
  }
  return out(y);
}

Tensor Model::forward(const Tensor& x, const Tensor& mask) {
  train();
  std::vector<double> positions;
  for (std::int64_t p = 0; p < x.size(1); ++p) positions.push_back(static_cast<double>(p));
  const Tensor y = encode(x, mask, positions);
  return torch::nn::functional::normalize(head2(torch::relu(batch_norm(head_bn, head1(y), mask))),
                                          torch::nn::functional::NormalizeFuncOptions().p(2).dim(2));
}

Tensor Model::embed(const Tensor& x) {
  eval();
  const std::int64_t n = x.size(0);
  std::vector<double> positions;
  for (std::int64_t p = 0; p < n; ++p) {
    positions.push_back(
        n == 1 ? 0.0 : static_cast<double>(frames_ - 1) * static_cast<double>(p) / static_cast<double>(n - 1));
  }
  const Tensor y = encode(x.unsqueeze(0), torch::ones({1, n}, torch::kBool), positions);
  return torch::nn::functional::normalize(y, torch::nn::functional::NormalizeFuncOptions().p(2).dim(2)).squeeze(0);
}

std::vector<std::pair<std::string, Tensor>> Model::named_arrays() {
  std::vector<std::pair<std::string, Tensor>> arrays;
  const auto add = [&](std::string name, const Tensor& array) {
    if (name.rfind("layers_", 0) == 0) {  // "layers_0_q.weight" -> "layers.0.q.weight"
      const std::size_t bar = name.find('_', 7);
      name = "layers." + name.substr(7, bar - 7) + "." + name.substr(bar + 1);
    }
    arrays.emplace_back(name, array);
  };
  for (const auto& item : named_parameters()) add(item.key(), item.value());
  for (const auto& item : named_buffers()) add(item.key(), item.value());
  return arrays;
}

Terms loss_of(Model& model, const std::vector<Pair>& pairs, const LossConfig& config, std::int64_t frames) {
  const auto count = static_cast<std::int64_t>(4 * pairs.size());
  const std::int64_t width = pairs[0][0].features.size(1);
  Tensor x = torch::zeros({count, frames, width}, torch::kFloat64);
  Tensor mask = torch::zeros({count, frames}, torch::kBool);
  std::int64_t at = 0;
  for (const Pair& pair : pairs) {
    for (const Sequence& sequence : pair) {
      x[at].narrow(0, 0, sequence.features.size(0)).copy_(sequence.features);
      mask[at++].narrow(0, 0, sequence.features.size(0)).fill_(true);
    }
  }
  const Tensor z = model.forward(x, mask);
  Terms terms{torch::zeros({}, torch::kFloat64), torch::zeros({}, torch::kFloat64), torch::zeros({}, torch::kFloat64),
              torch::zeros({}, torch::kFloat64), torch::zeros({}, torch::kFloat64)};
  at = 0;
  for (const Pair& pair : pairs) {
    std::vector<Tensor> rows, s;
    for (const Sequence& sequence : pair) {
      rows.push_back(z[at++].narrow(0, 0, sequence.features.size(0)));
      s.push_back(numbers(sequence.frames));
    }
    std::vector<Tensor> same, prop, sdtw;
    const auto same_direction = [&](std::size_t own, std::size_t other) {
      same.push_back(kl_rows(rows[other], rows[own], s[own].unsqueeze(1) - s[other].unsqueeze(0), config));
    };
    same_direction(0, 1), same_direction(1, 0), same_direction(2, 3), same_direction(3, 2);
    const auto prop_direction = [&](std::size_t own, std::size_t other) {
      const std::vector<std::int64_t> pi = propagated(distance_matrix(rows[own], rows[other]).detach().contiguous());
      const Tensor carried = s[own].index_select(0, torch::tensor(pi, torch::kInt64));
      prop.push_back(kl_rows(rows[other], rows[own], s[own].unsqueeze(1) - carried.unsqueeze(0), config));
    };
    for (const std::size_t a : {0U, 1U}) {
      for (const std::size_t b : {2U, 3U}) {
        prop_direction(a, b), prop_direction(b, a);
        const Tensor value = soft_dtw(distance_matrix(rows[a], rows[b]), config.gamma);
        const auto lengths = static_cast<double>(rows[a].size(0) + rows[b].size(0));
        sdtw.push_back(config.sdtw_reduction == SdtwReduction::kMean ? value / (lengths / 2) : value);
      }
    }
    if (config.regularizer == Regularizer::kContrastiveIdm) {
      for (std::size_t view = 0; view < 4; ++view) {
        const Tensor apart = (s[view].unsqueeze(1) - s[view].unsqueeze(0)).abs(),
                     distances = distance_matrix(rows[view], rows[view]);
        const Tensor weight = apart.pow(2) + 1;
        const Tensor far = weight * torch::relu(config.idm_margin - distances);
        terms.regularizer =
            terms.regularizer + torch::where(apart <= config.idm_sigma, distances / weight, far).mean() /
                                    (4 * static_cast<double>(pairs.size()));
      }
    }
    const auto share = static_cast<double>(pairs.size());
    terms.same = terms.same + torch::stack(same).mean() / share;
    terms.prop = terms.prop + torch::stack(prop).mean() / share;
    terms.sdtw = terms.sdtw + torch::stack(sdtw).mean() / share;
  }
  terms.loss = config.lambda_same * terms.same + config.lambda_prop * terms.prop + config.lambda_sdtw * terms.sdtw +
               config.regularizer_weight * terms.regularizer;
  return terms;
}

}  // namespace alignment::lrprop::plain
