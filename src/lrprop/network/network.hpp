#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "src/lrprop/config/config.hpp"
#include "src/lrprop/model/encoder_sizes.hpp"
#include "src/lrprop/network/network_kernels.hpp"
#include "src/lrprop/network/terms.hpp"
#include "src/lrprop/samples/views.hpp"

/// The encoder and its training step, over LibTorch, whose headers stay behind this one.
///
/// A step is forward(), backward(), gradient(), update(). Every pair goes through the encoder by itself, a side (the
/// two views of a video) at a time, and the numbers of pairs meet only in sums: of each batch norm's statistics, added
/// up in the order of the step's pairs, and of gradients, in f64, in which a sum of f32 numbers hardly ever rounds. So
/// a step comes to the same on any number of ranks and threads.
namespace alignment::lrprop {

/// One pair of a step, as this rank trains on it.
struct TrainingPair {
  std::int64_t place = 0;  ///< among the pairs of the step
  PairViews views;
  std::array<const float*, 2> features{};                      ///< [T,F] of both videos
  std::array<std::array<std::uint64_t, 2>, 2> dropout_keys{};  ///< [video][view]
};

struct NetworkSettings {
  EncoderSizes sizes;
  double dropout = 0;
  LossConfig loss;
  BatchNorm batch_norm = BatchNorm::kSynced;
  double weight_decay = 0;
  double clip_norm = 0;
  std::vector<float> feature_mean, feature_scale;  ///< [F] to standardise by, or empty
  int threads = 1;
  /// Where it computes: the GPU of that index with these kernels, or the CPU.
  int gpu = kNoGpu;
  std::shared_ptr<const NetworkKernels<float>> gpu_kernels;

  static constexpr int kNoGpu = -1;
};

/// Adds up over ranks, in place: collective. Numbers of the host's memory.
using SumOverRanks = std::function<void(std::span<double>)>;
/// The same where the network computes: on a GPU behind what is on its default stream.
using SumFloatsOverRanks = std::function<void(std::span<float>)>;

/// Numbers that the encoder computes with; f64 is for comparisons.
enum class Precision : std::uint8_t { kF32, kF64 };

class Network {
 public:
  Network(NetworkSettings settings, const std::vector<float>& weights, const std::vector<float>& statistics,
          Precision precision = Precision::kF32);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// In the orders of weight_arrays() and statistic_arrays().
  [[nodiscard]] std::vector<float> weights() const;
  [[nodiscard]] std::vector<float> statistics() const;
  /// Adam's moments, of the trained weights.
  [[nodiscard]] std::array<std::vector<float>, 2> moments() const;
  void load_moments(const std::vector<float>& first, const std::vector<float>& second);

  /// Collective by `sum`: also a rank without pairs takes part. `pairs_of_step`: of all ranks. Returns this rank's
  /// pairs' terms, in the order given. The same as encode(), then losses().
  [[nodiscard]] std::vector<PairTerms> forward(std::span<const TrainingPair> pairs, std::int64_t pairs_of_step,
                                               const SumOverRanks& sum);
  void encode(std::span<const TrainingPair> pairs, std::int64_t pairs_of_step, const SumOverRanks& sum);
  [[nodiscard]] std::vector<PairTerms> losses();
  /// The same. Afterwards gradient() holds this rank's part of the mean over the step's pairs.
  void backward(const SumOverRanks& sum);
  /// Collective. Adds up the gradient over ranks and returns its norm: several pairs' in f64, where it is the host's,
  /// and else in f32.
  [[nodiscard]] double reduce(const SumFloatsOverRanks& sum_floats, const SumOverRanks& sum);
  /// Clips by that norm, then Adam. `step`: from 1.
  void update(double norm, double learning_rate, std::int64_t step);

  /// dL/dweights after reduce(), before clipping, in the order of weight_arrays().
  [[nodiscard]] std::vector<double> gradient() const;

  /// Embeddings [frames,E] of unit length, in evaluation mode: running statistics, no dropout, positions over
  /// [0, T-1]. The encoder sees at most `frames_per_pass` frames at once, equal parts of the video (0: all). Any thread
  /// may call it, several at once.
  [[nodiscard]] std::vector<float> embed(const float* features, std::int64_t frames,
                                         std::int64_t frames_per_pass) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alignment::lrprop
