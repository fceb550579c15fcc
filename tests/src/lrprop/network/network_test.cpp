// Google's headers and LibTorch's agree on CHECK only in this order.
#include "tests/src/lrprop/network/plain_lrprop.hpp"

#undef CHECK

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "src/lrprop/model/encoder_sizes.hpp"
#include "src/lrprop/network/network.hpp"

namespace alignment::lrprop {
namespace {

constexpr std::int64_t kFeatures = 6, kFrames = 12;

/// Videos, pairs of views and a model, drawn from a seed.
struct Problem {
  explicit Problem(std::uint64_t seed, std::int64_t layers = 2) : generator(seed) {
    model.fc_width = 10;
    model.hidden = 8;
    model.heads = 2;
    model.ff_width = 12;
    model.layers = layers;
    model.embedding = 5;
    model.dropout = 0;
    sizes = {kFeatures, 10, 8, 2, 12, layers, 5, kFrames};
    torch::manual_seed(seed);
    plain = std::make_shared<plain::Model>(kFeatures, model, kFrames);
    std::map<std::string, torch::Tensor> arrays;
    const torch::NoGradGuard fixed;
    for (auto& [name, array] : plain->named_arrays()) {
      if (array.dtype() != torch::kFloat64) continue;  // num_batches_tracked
      if (name.find("running_var") != std::string::npos) array.uniform_(0.5, 2);
      if (name.find("norm") != std::string::npos || name.find("bn") != std::string::npos) array.uniform_(0.5, 1.5);
      array.copy_(array.to(torch::kFloat32));  // a model file's precision
      arrays[name] = array;
    }
    weights = in_order(weight_arrays(sizes), arrays);
    statistics = in_order(statistic_arrays(sizes), arrays);
    for (int video = 0; video < 6; ++video) {
      const std::int64_t length = 9 + 5 * video;
      std::vector<float> rows(static_cast<std::size_t>(length * kFeatures));
      std::normal_distribution<float> normal;
      for (float& value : rows) value = normal(generator);
      videos.push_back(std::move(rows));
    }
  }

  static std::vector<float> in_order(const std::vector<ArrayShape>& shapes,
                                     const std::map<std::string, torch::Tensor>& arrays) {
    std::vector<float> values;
    for (const ArrayShape& shape : shapes) {
      const torch::Tensor flat = arrays.at(shape.name).to(torch::kFloat32).reshape({-1}).contiguous();
      EXPECT_EQ(arrays.at(shape.name).sizes().vec(), shape.shape) << shape.name;
      values.insert(values.end(), flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
    }
    return values;
  }

  /// The views of one pair, at most kFrames frames each, of unequal lengths.
  PairViews draw_pair() {
    PairViews pair;
    std::uniform_int_distribution<std::int64_t> which(0, 5);
    pair.videos[0] = which(generator);
    do pair.videos[1] = which(generator);
    while (pair.videos[1] == pair.videos[0]);
    for (std::size_t view = 0; view < 4; ++view) {
      const auto video = static_cast<std::size_t>(pair.videos[view / 2]);
      const auto length = static_cast<std::int64_t>(videos[video].size()) / kFeatures;
      std::vector<std::int64_t> frames(static_cast<std::size_t>(length));
      std::iota(frames.begin(), frames.end(), 0);
      std::shuffle(frames.begin(), frames.end(), generator);
      std::uniform_int_distribution<std::int64_t> count(2, std::min(length, kFrames));
      frames.resize(static_cast<std::size_t>(count(generator)));
      std::sort(frames.begin(), frames.end());
      pair.frames[view] = frames;
    }
    return pair;
  }

  [[nodiscard]] TrainingPair training_pair(const PairViews& views, std::int64_t place) const {
    TrainingPair pair;
    pair.place = place;
    pair.views = views;
    for (std::size_t side = 0; side < 2; ++side) {
      pair.features[side] = videos[static_cast<std::size_t>(views.videos[side])].data();
      pair.dropout_keys[side] = {17U + static_cast<std::uint64_t>(views.videos[side]), 99U};
    }
    return pair;
  }

  [[nodiscard]] plain::Pair plain_pair(const PairViews& views) const {
    plain::Pair pair;
    for (std::size_t view = 0; view < 4; ++view) {
      const auto& rows = videos[static_cast<std::size_t>(views.videos[view / 2])];
      torch::Tensor features =
          torch::empty({static_cast<std::int64_t>(views.frames[view].size()), kFeatures}, torch::kFloat64);
      for (std::size_t n = 0; n < views.frames[view].size(); ++n) {
        for (std::int64_t f = 0; f < kFeatures; ++f) {
          features[static_cast<std::int64_t>(n)][f] =
              rows[static_cast<std::size_t>(views.frames[view][n] * kFeatures + f)];
        }
      }
      pair.push_back({features, views.frames[view]});
    }
    return pair;
  }

  [[nodiscard]] NetworkSettings settings() const {
    NetworkSettings made;
    made.sizes = sizes;
    made.loss = loss;
    made.weight_decay = 1e-5;
    made.clip_norm = 10;
    return made;
  }

  std::mt19937_64 generator;
  ModelConfig model;
  EncoderSizes sizes;
  LossConfig loss;
  std::shared_ptr<plain::Model> plain;
  std::vector<float> weights, statistics;
  std::vector<std::vector<float>> videos;
};

const SumOverRanks kAlone = [](std::span<double>) {};
const SumFloatsOverRanks kFloatsAlone = [](std::span<float>) {};

/// Forward and backward of the pairs; the mean terms.
PairTerms step(Network& network, std::span<const TrainingPair> pairs, double& norm) {
  PairTerms mean;
  for (const PairTerms& terms : network.forward(pairs, static_cast<std::int64_t>(pairs.size()), kAlone)) {
    const auto share = static_cast<double>(pairs.size());
    mean.loss += terms.loss / share;
    mean.same += terms.same / share;
    mean.prop += terms.prop / share;
    mean.sdtw += terms.sdtw / share;
    mean.regularizer += terms.regularizer / share;
  }
  network.backward(kAlone);
  norm = network.reduce(kFloatsAlone, kAlone);
  return mean;
}

/// Twelve steps of `pairs_of_step` pairs in f64 beside the plain expression: every term, and the first step's gradient.
void compare(Problem& problem, std::size_t pairs_of_step) {
  Network network(problem.settings(), problem.weights, problem.statistics, Precision::kF64);
  constexpr double kRate = 1e-3;
  torch::optim::Adam adam(problem.plain->parameters(), torch::optim::AdamOptions(kRate).weight_decay(1e-5));
  const std::vector<ArrayShape> arrays = weight_arrays(problem.sizes);
  for (std::int64_t n = 0; n < 12; ++n) {
    std::vector<TrainingPair> pairs;
    std::vector<plain::Pair> plain_pairs;
    for (std::size_t place = 0; place < pairs_of_step; ++place) {
      const PairViews views = problem.draw_pair();
      pairs.push_back(problem.training_pair(views, static_cast<std::int64_t>(place)));
      plain_pairs.push_back(problem.plain_pair(views));
    }
    double norm = 0;
    const PairTerms terms = step(network, pairs, norm);
    adam.zero_grad();
    const plain::Terms expected = plain::loss_of(*problem.plain, plain_pairs, problem.loss, kFrames);
    expected.loss.backward();
    const double tolerance = n == 0 ? 1e-11 : 1e-8;  // rounding grows from step to step
    EXPECT_NEAR(terms.same, expected.same.item<double>(), tolerance * expected.same.item<double>()) << "step " << n;
    EXPECT_NEAR(terms.prop, expected.prop.item<double>(), tolerance * expected.prop.item<double>()) << "step " << n;
    EXPECT_NEAR(terms.sdtw, expected.sdtw.item<double>(), tolerance * (1 + std::abs(expected.sdtw.item<double>())));
    EXPECT_NEAR(terms.loss, expected.loss.item<double>(), tolerance * (1 + std::abs(expected.loss.item<double>())));
    const std::vector<double> gradient = network.gradient();
    std::map<std::string, torch::Tensor> expected_arrays;
    for (auto& [name, array] : problem.plain->named_arrays()) expected_arrays[name] = array;
    double largest = 0, square = 0;
    for (const auto& parameter : problem.plain->parameters()) {
      largest = std::max(largest, parameter.grad().abs().max().item<double>());
    }
    std::size_t at = 0;
    for (const ArrayShape& array : arrays) {
      const torch::Tensor of_plain = expected_arrays.at(array.name).grad().reshape({-1}).contiguous();
      for (std::int64_t i = 0; i < array.count(); ++i, ++at) {
        const double value = of_plain.data_ptr<double>()[i];
        if (array.trained) square += value * value;
        EXPECT_NEAR(gradient[at], value, tolerance * 10 * largest) << array.name << " step " << n;
      }
    }
    EXPECT_NEAR(norm, std::sqrt(square), tolerance * 10 * norm);
    torch::nn::utils::clip_grad_norm_(problem.plain->parameters(), 10);
    adam.step();
    network.update(norm, kRate, n + 1);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Network, TwelveStepsAreThoseOfThePlainExpression) {
  Problem problem(1);
  compare(problem, 1);
}

TEST(Network, SoAreStepsOfSeveralPairsAndTheSumOfSoftDtw) {
  Problem problem(2);
  problem.loss.sdtw_reduction = SdtwReduction::kSum;
  problem.loss.lambda_sdtw = 0.02;
  problem.loss.lambda_prop = 1;
  problem.loss.sigma2 = 10;
  compare(problem, 3);
}

TEST(Network, SoIsAnEncoderWithoutBlocks) {
  Problem problem(3, 0);
  compare(problem, 2);
}

TEST(Network, ALargeGradientIsClipped) {
  Problem problem(4);
  problem.loss.lambda_same = 1000;
  compare(problem, 1);
}

TEST(Network, SoIsTheRegularizer) {
  Problem problem(8);
  problem.loss.regularizer = Regularizer::kContrastiveIdm;
  problem.loss.idm_sigma = 4;
  problem.loss.idm_margin = 1.2;
  compare(problem, 1);
}

TEST(Network, EmbeddingsAreThoseOfThePlainExpression) {
  Problem problem(5);
  const Network network(problem.settings(), problem.weights, problem.statistics, Precision::kF64);
  for (const std::vector<float>& rows : problem.videos) {
    const auto frames = static_cast<std::int64_t>(rows.size()) / kFeatures;
    const torch::Tensor x =
        torch::from_blob(const_cast<float*>(rows.data()), {frames, kFeatures}, torch::kFloat32).to(torch::kFloat64);
    const torch::NoGradGuard fixed;
    const torch::Tensor expected = problem.plain->embed(x).to(torch::kFloat32).contiguous();
    const std::vector<float> found = network.embed(rows.data(), frames, 0);
    for (std::size_t n = 0; n < found.size(); ++n) EXPECT_NEAR(found[n], expected.data_ptr<float>()[n], 1e-6);
    EXPECT_EQ(network.embed(rows.data(), frames, std::numeric_limits<std::int64_t>::max()), found);
  }
}

TEST(Network, EveryThreadEmbedsAlone) {
  Problem problem(5);
  const Network network(problem.settings(), problem.weights, problem.statistics);
  const int of_new_threads = at::get_num_threads();
  int threads = 0;
  std::thread([&] {
    at::set_num_threads(3);
    static_cast<void>(network.embed(problem.videos[0].data(), 9, 0));
    threads = at::get_num_threads();
    at::set_num_threads(of_new_threads);
  }).join();
  EXPECT_EQ(threads, 1);
}

TEST(Network, RanksAndThreadsChangeNoBit) {
  Problem problem(6);
  std::vector<TrainingPair> pairs;
  for (std::int64_t place = 0; place < 3; ++place) pairs.push_back(problem.training_pair(problem.draw_pair(), place));
  const auto weights_after = [&](int threads, bool apart) {
    NetworkSettings settings = problem.settings();
    settings.threads = threads;
    settings.dropout = 0.3;
    double norm = 0;
    if (!apart) {
      Network network(settings, problem.weights, problem.statistics);
      static_cast<void>(step(network, pairs, norm));
      network.update(norm, 1e-3, 1);
      return network.weights();
    }
    // Two ranks in turn: the sums of each stage are exchanged by hand, in threads of their own.
    std::vector<std::unique_ptr<Network>> ranks;
    for (int rank = 0; rank < 2; ++rank) {
      ranks.push_back(std::make_unique<Network>(settings, problem.weights, problem.statistics));
    }
    std::mutex mutex;
    std::condition_variable arrived;
    std::vector<double> total;
    int waiting = 0, round = 0;
    const auto sum = [&](std::span<double> values) {
      std::unique_lock lock(mutex);
      if (waiting == 0) total.assign(values.size(), 0.0);
      for (std::size_t n = 0; n < values.size(); ++n) total[n] += values[n];
      const int mine = round;
      if (++waiting == 2) {
        waiting = 0;
        ++round;
        arrived.notify_all();
      } else {
        arrived.wait(lock, [&] { return round != mine; });
      }
      std::copy(total.begin(), total.end(), values.begin());
      // Nobody may begin the next sum before both have copied this one.
      const int copied = round;
      if (++waiting == 2) {
        waiting = 0;
        ++round;
        arrived.notify_all();
      } else {
        arrived.wait(lock, [&] { return round != copied; });
      }
    };
    const auto of_rank = [&](std::size_t rank) {
      const std::span<const TrainingPair> own =
          rank == 0 ? std::span(pairs).subspan(0, 1) : std::span(pairs).subspan(1, 2);
      static_cast<void>(ranks[rank]->forward(own, 3, sum));
      ranks[rank]->backward(sum);
      const double own_norm = ranks[rank]->reduce(kFloatsAlone, sum);
      ranks[rank]->update(own_norm, 1e-3, 1);
    };
    std::thread other(of_rank, 1);
    of_rank(0);
    other.join();
    EXPECT_EQ(ranks[0]->weights(), ranks[1]->weights());
    return ranks[0]->weights();
  };
  const std::vector<float> expected = weights_after(1, false);
  EXPECT_NE(expected, problem.weights);
  EXPECT_EQ(weights_after(2, false), expected);
  EXPECT_EQ(weights_after(1, true), expected);
}

TEST(Network, IdenticalFramesAndCollapsedRowsGiveFiniteGradients) {
  Problem problem(7);
  for (std::vector<float>& rows : problem.videos) {
    for (std::size_t n = kFeatures; n < rows.size(); ++n) rows[n] = rows[n % kFeatures];
  }
  problem.loss.regularizer = Regularizer::kContrastiveIdm;
  Network network(problem.settings(), problem.weights, problem.statistics);
  const std::vector<TrainingPair> pairs{problem.training_pair(problem.draw_pair(), 0)};
  double norm = 0;
  const PairTerms terms = step(network, pairs, norm);
  EXPECT_TRUE(std::isfinite(terms.loss));
  EXPECT_TRUE(std::isfinite(norm));
  for (const double value : network.gradient()) ASSERT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace alignment::lrprop
