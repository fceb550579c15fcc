#include "src/lrprop/network/network.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "kernels/parallel.hpp"
#include "src/lrprop/network/encoder.hpp"
#include "src/lrprop/network/losses.hpp"
#include "src/lrprop/network/torch_thread.hpp"

namespace alignment::lrprop {
namespace {

using torch::Tensor;

constexpr std::size_t kSides = 2;
constexpr std::size_t kNorms = 3;  ///< bn1, bn2, head_bn
constexpr std::array<const char*, kNorms> kNormNames{"bn1", "bn2", "head_bn"};

/// Frames of the two views of a video, on their way through the encoder and back.
struct Side {
  std::vector<std::int64_t> lengths;
  Tensor input, positions;
  std::array<Tensor, kNorms> before;         ///< what a batch norm gets, with the graph of the part before it
  std::array<Tensor, kNorms> normed;         ///< xhat: a leaf of the part behind it
  std::array<Tensor, kNorms> gradient;       ///< dL/dxhat, then dL/dbefore
  Tensor rows, rows_gradient;                ///< projected, and dL/d of them
  std::array<LinearTape, kNorms + 1> tapes;  ///< of each part
  std::vector<Tensor> norm_gradients;        ///< of the part that was gone back through last
};

struct PairState {
  std::int64_t place = 0;
  const TrainingPair* pair = nullptr;
  std::array<Side, kSides> sides;
};

/// Sums of a batch norm's channels over the frames of a step, forward: x and x^2; backward: g and g xhat.
struct ChannelSums {
  std::vector<double> first, second;
  double frames = 0;

  /// Of `sums`, one of the two; 0 where a rank has no frames of its own.
  [[nodiscard]] std::vector<double> means(const std::vector<double>& sums) const {
    std::vector<double> means(sums);
    for (double& mean : means) mean /= std::max(frames, 1.0);
    return means;
  }
  /// Forward: of x, about its mean.
  [[nodiscard]] std::vector<double> variances() const {
    const std::vector<double> mean = means(first);
    std::vector<double> variances = means(second);
    for (std::size_t c = 0; c < mean.size(); ++c) variances[c] = std::max(variances[c] - mean[c] * mean[c], 0.0);
    return variances;
  }
};

/// Calls work(n) for n of [0, count), on up to `threads` threads, each of which LibTorch computes on alone.
template <typename Work>
void share(int threads, std::int64_t count, const Work& work) {
  kernels::cpu::parallel_for(threads, count, 1, [&](std::int64_t n, int) {
    compute_alone();
    work(n);
  });
}

}  // namespace

struct Network::State {
  State(NetworkSettings asked, torch::ScalarType element)
      : settings(std::move(asked)), encoder(settings.sizes), type(element) {}

  [[nodiscard]] torch::TensorOptions options() const { return torch::TensorOptions().dtype(type).device(device); }
  [[nodiscard]] std::int64_t channels(std::size_t norm) const {
    return norm + 1 < kNorms ? settings.sizes.fc_width : settings.sizes.embedding;
  }
  [[nodiscard]] Tensor to_device(const std::vector<double>& values) const {
    return torch::tensor(values, torch::kFloat64).to(options());
  }

  void make_leaves();
  /// Calls work(pair, side) for all of them, side by side.
  template <typename Work>
  void for_sides(const Work& work) {
    const auto count = static_cast<std::int64_t>(kSides * pairs.size());
    share(threads(), count, [&](std::int64_t n) {
      work(pairs[static_cast<std::size_t>(n) / kSides], static_cast<std::size_t>(n) % kSides);
    });
  }
  template <typename Work>
  void for_pairs(const Work& work) {
    share(threads(), static_cast<std::int64_t>(pairs.size()),
          [&](std::int64_t n) { work(pairs[static_cast<std::size_t>(n)]); });
  }
  [[nodiscard]] int threads() const { return device.is_cpu() ? settings.threads : 1; }

  void prepare(PairState& pair, std::size_t side) const;
  [[nodiscard]] DropoutMask dropout_of(const PairState& pair, std::size_t side) const;
  [[nodiscard]] TrainingPass pass_of(PairState& pair, std::size_t side, std::size_t part) const {
    return {dropout_of(pair, side), &pair.sides[side].tapes[part]};
  }
  [[nodiscard]] ChannelSums add_up(std::size_t norm, bool backward, const SumOverRanks& sum);
  void normalise(std::size_t norm, const SumOverRanks& sum);
  void denormalise(std::size_t norm, const SumOverRanks& sum);
  void prepare_positions();
  void backward_part(Side& side, std::size_t part, const Tensor& output, const Tensor& output_gradient);
  void collect_gradients(std::size_t part);
  void collect_linear(std::size_t part, std::size_t which);
  void collect_norm(std::size_t part, std::size_t which);
  [[nodiscard]] Tensor sums_of(std::size_t array) {
    return flat_gradient.narrow(0, offsets[array], arrays[array].count()).view(arrays[array].shape);
  }
  /// Whether this rank's pairs are one whose gradients are written as they are.
  [[nodiscard]] bool has_one_pair() const { return pairs.size() == 1 && flat_gradient.scalar_type() == type; }
  [[nodiscard]] double gradient_square() const;

  NetworkSettings settings;
  Encoder encoder;
  torch::Device device = torch::kCPU;
  torch::ScalarType type;
  std::vector<ArrayShape> arrays;
  std::int64_t trained = 0;       ///< numbers of the weights that are
  Tensor flat, running;           ///< all weights and running statistics, in the orders of their lists
  NamedTensors statistics;        ///< views of `running`
  NamedTensors leaves;            ///< of `flat`, for graphs
  std::vector<Tensor> leaf_list;  ///< the same in the order of `arrays`
  std::vector<std::int64_t> offsets;
  std::unordered_map<std::string, std::size_t> array_numbers;
  std::array<std::vector<std::size_t>, kNorms + 1> norm_arrays;  ///< scales and shifts of each part
  Tensor first_moment, second_moment;
  Tensor mean, scale;                                        ///< to standardise by
  Tensor positions;                                          ///< position_rows() of 0, 1, ...
  std::shared_ptr<const NetworkKernels<float>> of_floats;    ///< of the device
  std::shared_ptr<const NetworkKernels<double>> of_doubles;  ///< of the CPU, where it computes in f64
  std::optional<PairAligner> aligner;

  // Of the step under way.
  std::vector<PairState> pairs;
  std::int64_t pairs_of_step = 0;
  std::array<Tensor, kNorms> inverse_deviation;
  Tensor gradient_sums;  ///< memory for them, of the last step's type
  Tensor flat_gradient;  ///< [trained]
};

namespace {

template <typename Real>
void add_rows(const Tensor& values, const Tensor& others, std::span<double> sums) {
  const auto width = static_cast<std::size_t>(values.size(1));
  const auto* value = values.data_ptr<Real>();
  const auto* other = others.data_ptr<Real>();
  double* const first = sums.data();
  double* const second = first + width;
  for (std::int64_t row = 0; row < values.size(0); ++row, value += width, other += width) {
    for (std::size_t c = 0; c < width; ++c) {
      const auto wide = static_cast<double>(value[c]);
      first[c] += wide;
      second[c] += wide * static_cast<double>(other[c]);
    }
  }
}

/// `values` in the host's memory. A GPU that never has them ends the process.
Tensor on_host(const Tensor& values, const NetworkKernels<float>& kernels) {
  if (!values.is_cpu()) kernels.finish();
  return values.to(torch::kCPU);
}

/// Adds up `values` [rows,width] over the rows, in f64, and behind those `width` sums their products with `others`.
void add_channels(const Tensor& values, const Tensor& others, std::span<double> sums,
                  const NetworkKernels<float>& kernels) {
  if (!values.is_cpu()) {
    const Tensor wide = values.to(torch::kFloat64);
    const Tensor both = on_host(torch::cat({wide.sum(0), (wide * others.to(torch::kFloat64)).sum(0)}), kernels);
    for (std::size_t n = 0; n < sums.size(); ++n) sums[n] += both.data_ptr<double>()[n];
  } else if (values.scalar_type() == torch::kFloat64) {
    add_rows<double>(values.contiguous(), others.contiguous(), sums);
  } else {
    add_rows<float>(values.contiguous(), others.contiguous(), sums);
  }
}

/// In f64, in blocks that do not depend on the number of threads.
template <typename Real>
double square_sum(std::span<const Real> values, int threads) {
  constexpr std::size_t kBlock = std::size_t{1} << 16U, kLanes = 16;
  const std::size_t blocks = (values.size() + kBlock - 1) / kBlock;
  std::vector<double> sums(blocks, 0.0);
  kernels::cpu::parallel_for(threads, static_cast<std::int64_t>(blocks), 1, [&](std::int64_t block, int) {
    const std::size_t begin = static_cast<std::size_t>(block) * kBlock;
    const std::span<const Real> own = values.subspan(begin, std::min(kBlock, values.size() - begin));
    std::array<double, kLanes> lanes{};
    std::size_t at = 0;
    for (; at + kLanes <= own.size(); at += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const auto value = static_cast<double>(own[at + lane]);
        lanes[lane] += value * value;
      }
    }
    for (; at < own.size(); ++at) lanes[0] += static_cast<double>(own[at]) * static_cast<double>(own[at]);
    sums[static_cast<std::size_t>(block)] = std::accumulate(lanes.begin(), lanes.end(), 0.0);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// Which part of the encoder an array belongs to: what lies before bn1, bn2, head_bn, and behind that.
std::size_t part_of(const std::string& name) {
  if (name.rfind("fc1.", 0) == 0) return 0;
  if (name.rfind("bn1.", 0) == 0 || name.rfind("fc2.", 0) == 0) return 1;
  if (name.rfind("head_bn.", 0) == 0 || name.rfind("head2.", 0) == 0) return 3;
  return 2;
}

/// Of a batch norm or a layer norm, and not of a linear layer.
bool is_of_norm(const std::string& name) {
  return name.find("bn") != std::string::npos || name.find("norm") != std::string::npos;
}

std::vector<float> to_vector(const Tensor& values, const NetworkKernels<float>& kernels) {
  const Tensor floats = on_host(values.detach(), kernels).to(torch::kFloat32).contiguous();
  const auto* const first = floats.data_ptr<float>();
  return {first, first + floats.numel()};
}

Tensor from_vector(const std::vector<float>& values, const torch::TensorOptions& options) {
  return torch::from_blob(const_cast<float*>(values.data()),  // NOLINT(cppcoreguidelines-pro-type-const-cast): is read
                          {static_cast<std::int64_t>(values.size())}, torch::kFloat32)
      .to(options, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

/// Views of the flat weights that graphs begin at.
void Network::State::make_leaves() {
  std::int64_t first = 0;
  for (std::size_t n = 0; n < arrays.size(); ++n) {
    Tensor leaf = flat.narrow(0, first, arrays[n].count()).view(arrays[n].shape).detach();
    leaf.set_requires_grad(true);
    leaves[arrays[n].name] = leaf;
    leaf_list.push_back(leaf);
    offsets.push_back(first);
    array_numbers[arrays[n].name] = n;
    if (is_of_norm(arrays[n].name)) norm_arrays[part_of(arrays[n].name)].push_back(n);
    first += arrays[n].count();
  }
}

/// The frames of both views, standardised, and their positions.
void Network::State::prepare(PairState& pair, std::size_t which) const {
  Side& side = pair.sides[which];
  const std::int64_t width = settings.sizes.feature_dim;
  std::int64_t rows = 0;
  std::array<Tensor, 2> of_views;
  for (std::size_t view = 0; view < 2; ++view) {
    const FrameIndices& frames = pair.pair->views.frames[2 * which + view];
    side.lengths.push_back(static_cast<std::int64_t>(frames.size()));
    of_views[view] = positions.narrow(0, 0, side.lengths.back());
    rows += side.lengths.back();
  }
  side.positions = torch::cat(of_views);
  Tensor gathered = torch::empty({rows, width}, torch::kFloat32);
  auto* at = gathered.data_ptr<float>();
  for (std::size_t view = 0; view < 2; ++view) {
    for (const std::int64_t frame : pair.pair->views.frames[2 * which + view]) {
      at = std::copy_n(pair.pair->features[which] + frame * width, width, at);
    }
  }
  side.input = gathered.to(options());
  if (mean.defined()) side.input = (side.input - mean) * scale;
}

/// Of as many as the longest view of the step has frames.
void Network::State::prepare_positions() {
  std::size_t longest = 0;
  for (const PairState& pair : pairs) {
    for (const FrameIndices& frames : pair.pair->views.frames) longest = std::max(longest, frames.size());
  }
  if (positions.defined() && positions.size(0) >= static_cast<std::int64_t>(longest)) return;
  std::vector<double> numbers(longest);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  positions = position_rows(numbers, settings.sizes.hidden).to(options());
}

DropoutMask Network::State::dropout_of(const PairState& pair, std::size_t side) const {
  if (settings.dropout == 0) return {};
  return [this, &keys = pair.pair->dropout_keys[side], &lengths = pair.sides[side].lengths](std::int64_t place,
                                                                                            std::int64_t width) {
    std::int64_t rows = 0;
    for (const std::int64_t length : lengths) rows += length;
    Tensor mask = torch::empty({rows, width}, options());
    std::int64_t first = 0;
    for (std::size_t view = 0; view < lengths.size(); ++view) {
      const kernels::DropoutDraw draw{keys[view], static_cast<std::uint64_t>(place), settings.dropout};
      const Tensor of_view = mask.narrow(0, first, lengths[view]);
      if (type == torch::kFloat64) {
        of_doubles->dropout_mask(draw, of_view.numel(), of_view.data_ptr<double>());
      } else {
        of_floats->dropout_mask(draw, of_view.numel(), of_view.data_ptr<float>());
      }
      first += lengths[view];
    }
    return mask;
  };
}

/// Of every pair of the step for itself, over all ranks, then in the order of the pairs.
ChannelSums Network::State::add_up(std::size_t norm, bool backward, const SumOverRanks& sum) {
  const auto width = static_cast<std::size_t>(channels(norm)), row = 2 * width + 1;
  std::vector<double> all(static_cast<std::size_t>(pairs_of_step) * row, 0.0);
  for_pairs([&](PairState& pair) {
    const torch::NoGradGuard fixed;
    double* const own = all.data() + static_cast<std::size_t>(pair.place) * row;
    for (const Side& side : pair.sides) {
      const Tensor values = backward ? side.gradient[norm] : side.before[norm].detach();
      add_channels(values, backward ? side.normed[norm].detach() : values, {own, 2 * width}, *of_floats);
      own[2 * width] += static_cast<double>(values.size(0));
    }
  });
  const bool synced = settings.batch_norm == BatchNorm::kSynced || !backward;
  const std::vector<double> of_this_rank = settings.batch_norm == BatchNorm::kLocal ? all : std::vector<double>();
  if (synced) sum(all);
  const auto added = [&](const std::vector<double>& rows) {
    ChannelSums sums{std::vector<double>(width, 0.0), std::vector<double>(width, 0.0), 0};
    for (std::size_t begin = 0; begin < rows.size(); begin += row) {
      for (std::size_t c = 0; c < width; ++c) {
        sums.first[c] += rows[begin + c];
        sums.second[c] += rows[begin + width + c];
      }
      sums.frames += rows[begin + 2 * width];
    }
    return sums;
  };
  if (!backward) {  // the running statistics are of all ranks in any case
    const ChannelSums sums = added(all);
    const std::string name = kNormNames[norm];
    std::vector<double> variances = sums.variances();
    for (double& variance : variances) variance *= sums.frames / std::max(sums.frames - 1, 1.0);
    statistics.at(name + ".running_mean").lerp_(to_device(sums.means(sums.first)), kStatisticsMomentum);
    statistics.at(name + ".running_var").lerp_(to_device(variances), kStatisticsMomentum);
  }
  return settings.batch_norm == BatchNorm::kLocal ? added(of_this_rank) : added(all);
}

/// xhat of every side.
void Network::State::normalise(std::size_t norm, const SumOverRanks& sum) {
  const ChannelSums sums = add_up(norm, /*backward=*/false, sum);
  std::vector<double> inverses = sums.variances();
  for (double& inverse : inverses) inverse = 1 / std::sqrt(inverse + kNormEpsilon);
  const Tensor mean_of = to_device(sums.means(sums.first));
  inverse_deviation[norm] = to_device(inverses);
  for_sides([&](PairState& pair, std::size_t which) {
    const torch::NoGradGuard fixed;
    Side& side = pair.sides[which];
    side.normed[norm] = (side.before[norm].detach() - mean_of) * inverse_deviation[norm];
    side.normed[norm].set_requires_grad(true);
  });
}

/// From dL/dxhat to dL/dbefore.
void Network::State::denormalise(std::size_t norm, const SumOverRanks& sum) {
  const ChannelSums sums = add_up(norm, /*backward=*/true, sum);
  const Tensor mean_of = to_device(sums.means(sums.first)), product = to_device(sums.means(sums.second));
  for_sides([&](PairState& pair, std::size_t which) {
    const torch::NoGradGuard fixed;
    Side& side = pair.sides[which];
    side.gradient[norm] =
        (side.gradient[norm] - mean_of - side.normed[norm].detach() * product) * inverse_deviation[norm];
  });
}

/// Back through one part: the side's gradients of its norms and of what its linear layers gave, and that of its input.
void Network::State::backward_part(Side& side, std::size_t part, const Tensor& output, const Tensor& output_gradient) {
  std::vector<Tensor> inputs;
  for (const std::size_t array : norm_arrays[part]) inputs.push_back(leaf_list[array]);
  for (const LinearUse& use : side.tapes[part]) inputs.push_back(use.y);
  if (part > 0) inputs.push_back(side.normed[part - 1]);
  std::vector<Tensor> gradients = torch::autograd::grad({output}, inputs, {output_gradient});
  if (part > 0) side.gradient[part - 1] = gradients.back();
  std::size_t next = norm_arrays[part].size();
  for (LinearUse& use : side.tapes[part]) use.gradient = gradients[next++];
  gradients.resize(norm_arrays[part].size());
  side.norm_gradients = std::move(gradients);
}

/// The two sides of a pair in f32, the pairs in f64: of a single one, the same.
void Network::State::collect_gradients(std::size_t part) {
  if (pairs.empty()) return;
  const std::size_t linears = pairs.front().sides[0].tapes[part].size();
  share(threads(), static_cast<std::int64_t>(linears + norm_arrays[part].size()), [&](std::int64_t n) {
    const torch::NoGradGuard fixed;
    const auto which = static_cast<std::size_t>(n);
    if (which < linears) {
      collect_linear(part, which);
    } else {
      collect_norm(part, which - linears);
    }
  });
  for (PairState& pair : pairs) {
    for (Side& side : pair.sides) side.tapes[part].clear();
  }
}

void Network::State::collect_linear(std::size_t part, std::size_t which) {
  const std::string& name = pairs.front().sides[0].tapes[part][which].name;
  const std::size_t weight = array_numbers.at(name + ".weight"), bias = array_numbers.at(name + ".bias");
  for (PairState& pair : pairs) {
    const LinearUse &first = pair.sides[0].tapes[part][which], &second = pair.sides[1].tapes[part][which];
    const bool alone = has_one_pair();
    Tensor sums = sums_of(weight);
    Tensor own = alone ? sums : torch::empty(arrays[weight].shape, options());
    at::mm_out(own, first.gradient.t(), first.x);
    own.addmm_(second.gradient.t(), second.x);
    if (!alone) sums += own;
    if (!arrays[bias].trained) continue;
    sums = sums_of(bias);
    Tensor of_sides = first.gradient.sum(0).add_(second.gradient.sum(0));
    if (alone) {
      sums.copy_(of_sides);
    } else {
      sums += of_sides;
    }
  }
}

void Network::State::collect_norm(std::size_t part, std::size_t which) {
  Tensor sums = sums_of(norm_arrays[part][which]);
  for (PairState& pair : pairs) {
    Tensor& first = pair.sides[0].norm_gradients[which];
    const Tensor& second = pair.sides[1].norm_gradients[which];
    if (has_one_pair()) {
      at::add_out(sums, first, second);
    } else {
      sums += first.add_(second);
    }
  }
}

double Network::State::gradient_square() const {
  const auto count = static_cast<std::size_t>(trained);
  if (!device.is_cpu()) return on_host(flat_gradient.to(torch::kFloat64).square().sum(), *of_floats).item<double>();
  if (flat_gradient.scalar_type() == torch::kFloat64) {
    return square_sum(std::span<const double>(flat_gradient.data_ptr<double>(), count), threads());
  }
  return square_sum(std::span<const float>(flat_gradient.data_ptr<float>(), count), threads());
}

Network::Network(NetworkSettings settings, const std::vector<float>& weights, const std::vector<float>& statistics,
                 Precision precision)
    : state_(std::make_unique<State>(std::move(settings),
                                     precision == Precision::kF64 ? torch::kFloat64 : torch::kFloat32)) {
  State& state = *state_;
  if (state.settings.gpu == NetworkSettings::kNoGpu) {
    state.of_floats = make_cpu_network_kernels<float>();
    state.of_doubles = make_cpu_network_kernels<double>();
  } else {
    state.device = torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(state.settings.gpu));
    state.of_floats = state.settings.gpu_kernels;
  }
  state.aligner.emplace(state.of_floats, state.of_doubles);
  compute_alone();  // threads take sides of pairs, so that no sum depends on their number
  state.arrays = weight_arrays(state.settings.sizes);
  state.trained = trained_count(state.arrays);
  state.flat = from_vector(weights, state.options());
  state.running = from_vector(statistics, state.options());
  std::int64_t first = 0;
  for (const ArrayShape& array : statistic_arrays(state.settings.sizes)) {
    state.statistics[array.name] = state.running.narrow(0, first, array.count());
    first += array.count();
  }
  state.make_leaves();
  state.first_moment = torch::zeros({state.trained}, state.options());
  state.second_moment = torch::zeros({state.trained}, state.options());
  if (state.settings.feature_mean.empty()) return;
  state.mean = from_vector(state.settings.feature_mean, state.options());
  state.scale = from_vector(state.settings.feature_scale, state.options()).reciprocal();
}

Network::~Network() = default;

std::vector<float> Network::weights() const {
  return to_vector(state_->flat, *state_->of_floats);
}

std::vector<float> Network::statistics() const {
  return to_vector(state_->running, *state_->of_floats);
}

std::array<std::vector<float>, 2> Network::moments() const {
  return {to_vector(state_->first_moment, *state_->of_floats), to_vector(state_->second_moment, *state_->of_floats)};
}

void Network::load_moments(const std::vector<float>& first, const std::vector<float>& second) {
  state_->first_moment = from_vector(first, state_->options());
  state_->second_moment = from_vector(second, state_->options());
}

std::vector<PairTerms> Network::forward(std::span<const TrainingPair> pairs, std::int64_t pairs_of_step,
                                        const SumOverRanks& sum) {
  encode(pairs, pairs_of_step, sum);
  return losses();
}

void Network::encode(std::span<const TrainingPair> pairs, std::int64_t pairs_of_step, const SumOverRanks& sum) {
  compute_alone();
  State& state = *state_;
  state.pairs_of_step = pairs_of_step;
  state.pairs.clear();
  for (const TrainingPair& pair : pairs) state.pairs.push_back({pair.place, &pair, {}});
  state.prepare_positions();

  state.for_sides([&](PairState& pair, std::size_t which) {
    state.prepare(pair, which);
    Side& side = pair.sides[which];
    side.before[0] = Encoder::first(state.leaves, side.input, state.pass_of(pair, which, 0));
  });
  state.normalise(0, sum);
  state.for_sides([&](PairState& pair, std::size_t which) {
    Side& side = pair.sides[which];
    side.before[1] = Encoder::second(state.leaves, side.normed[0], state.pass_of(pair, which, 1));
  });
  state.normalise(1, sum);
  state.for_sides([&](PairState& pair, std::size_t which) {
    Side& side = pair.sides[which];
    const TrainingPass pass = state.pass_of(pair, which, 2);
    side.before[2] = Encoder::head(
        state.leaves, state.encoder.third(state.leaves, side.normed[1], side.positions, side.lengths, pass), pass);
  });
  state.normalise(2, sum);
  state.for_sides([&](PairState& pair, std::size_t which) {
    Side& side = pair.sides[which];
    side.rows = Encoder::projected(state.leaves, side.normed[2], state.pass_of(pair, which, kNorms));
  });
}

std::vector<PairTerms> Network::losses() {
  State& state = *state_;
  std::vector<PairTerms> terms(state.pairs.size());
  state.for_pairs([&](PairState& pair) {
    PairLoss loss =
        pair_loss({pair.sides[0].rows, pair.sides[1].rows}, pair.pair->views, state.settings.loss, *state.aligner);
    for (std::size_t which = 0; which < kSides; ++which) {
      pair.sides[which].rows_gradient = loss.gradient[which] / static_cast<double>(state.pairs_of_step);
    }
    terms[static_cast<std::size_t>(&pair - state.pairs.data())] = loss.terms;
  });
  return terms;
}

void Network::backward(const SumOverRanks& sum) {
  State& state = *state_;
  const bool several = state.pairs_of_step > 1 && state.device.is_cpu();
  const auto summed_in = state.options().dtype(several ? torch::kFloat64 : state.type);
  Tensor& kept = state.gradient_sums;
  if (!kept.defined() || kept.scalar_type() != summed_in.dtype()) kept = torch::empty({state.trained}, summed_in);
  state.flat_gradient = kept;
  if (state.pairs.size() != 1 || several) kept.zero_();  // a single pair's are written, others' added up
  state.for_sides([&](PairState& pair, std::size_t which) {
    Side& side = pair.sides[which];
    state.backward_part(side, kNorms, side.rows, side.rows_gradient);
  });
  state.collect_gradients(kNorms);
  for (std::size_t norm = kNorms; norm-- > 0;) {
    state.denormalise(norm, sum);
    state.for_sides([&](PairState& pair, std::size_t which) {
      Side& side = pair.sides[which];
      state.backward_part(side, norm, side.before[norm], side.gradient[norm]);
    });
    state.collect_gradients(norm);
  }
  state.pairs.clear();
}

double Network::reduce(const SumFloatsOverRanks& sum_floats, const SumOverRanks& sum) {
  State& state = *state_;
  const torch::NoGradGuard fixed;
  const auto count = static_cast<std::size_t>(state.trained);
  if (state.flat_gradient.scalar_type() == torch::kFloat64) {
    sum(std::span(state.flat_gradient.data_ptr<double>(), count));
  } else {
    sum_floats(std::span(state.flat_gradient.data_ptr<float>(), count));
  }
  const double norm = std::sqrt(state.gradient_square());
  state.flat_gradient = state.flat_gradient.to(state.options());
  return norm;
}

void Network::update(double norm, double learning_rate, std::int64_t step) {
  State& state = *state_;
  const torch::NoGradGuard fixed;
  if (state.settings.clip_norm > 0) {
    constexpr double kSmall = 1e-6;  // as torch has it
    const double factor = state.settings.clip_norm / (norm + kSmall);
    if (factor < 1) state.flat_gradient *= factor;
  }
  constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
  Tensor weights = state.flat.narrow(0, 0, state.trained);
  const Tensor steps = torch::full({}, static_cast<double>(step - 1), torch::kFloat32).to(state.device);
  at::_fused_adam_({weights}, {state.flat_gradient}, {state.first_moment}, {state.second_moment}, {}, {steps + 1},
                   learning_rate, kBeta1, kBeta2, state.settings.weight_decay, kEpsilon, /*amsgrad=*/false,
                   /*maximize=*/false);
}

std::vector<double> Network::gradient() const {
  const Tensor values = on_host(state_->flat_gradient, *state_->of_floats).to(torch::kFloat64).contiguous();
  const auto* const first = values.data_ptr<double>();
  std::vector<double> all(first, first + values.numel());
  all.resize(static_cast<std::size_t>(element_count(state_->arrays)), 0.0);  // of those that no loss depends on
  return all;
}

std::vector<float> Network::embed(const float* features, std::int64_t frames, std::int64_t frames_per_pass) const {
  compute_alone();  // threads take videos, so that no sum depends on their number
  const State& state = *state_;
  const torch::NoGradGuard fixed;
  const std::int64_t width = state.settings.sizes.feature_dim;
  const std::int64_t most = frames_per_pass == 0 ? frames : std::min(frames_per_pass, frames);
  const std::int64_t parts = (frames + most - 1) / most, rows_of_part = (frames + parts - 1) / parts;
  const auto normed = [&](std::size_t norm, const Tensor& values) {
    const std::string name = kNormNames[norm];
    return (values - state.statistics.at(name + ".running_mean")) *
           (state.statistics.at(name + ".running_var") + kNormEpsilon).rsqrt();
  };
  std::vector<float> embeddings;
  embeddings.reserve(static_cast<std::size_t>(frames * state.settings.sizes.embedding));
  for (std::int64_t begin = 0; begin < frames; begin += rows_of_part) {
    const std::int64_t rows = std::min(rows_of_part, frames - begin);
    Tensor x = torch::from_blob(const_cast<float*>(features + begin * width),  // NOLINT: is read
                                {rows, width}, torch::kFloat32)
                   .to(state.options());
    if (state.mean.defined()) x = (x - state.mean) * state.scale;
    std::vector<double> positions;  // the whole video over [0, T-1]
    for (std::int64_t n = begin; n < begin + rows; ++n) {
      const double share = frames > 1 ? static_cast<double>(n) / static_cast<double>(frames - 1) : 0;
      positions.push_back(share * static_cast<double>(state.settings.sizes.train_frames - 1));
    }
    x = normed(0, Encoder::first(state.leaves, x, {}));
    x = normed(1, Encoder::second(state.leaves, x, {}));
    x = state.encoder.third(state.leaves, x, position_rows(positions, state.settings.sizes.hidden).to(state.options()),
                            {rows}, {});
    const std::vector<float> part = to_vector(unit_rows(x), *state.of_floats);
    embeddings.insert(embeddings.end(), part.begin(), part.end());
  }
  return embeddings;
}

}  // namespace alignment::lrprop
