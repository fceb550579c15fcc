#include "src/programs/dejavid_bench/problems/cost_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "src/config/error.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment::dejavid::bench {
namespace {

double real(std::int64_t value) {
  return static_cast<double>(value);
}

std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

/// Time of tiles over whole waves against tiles without a tail; the better of two sizes of tile.
double wave_loss(double rows, double columns) {
  struct Tile {
    double side, places, speed;
  };
  double best = std::numeric_limits<double>::infinity();
  for (const Tile& tile : {Tile{128, 264, 1.0}, Tile{64, 396, 0.98}}) {
    const double tiles = std::ceil(rows / tile.side) * std::ceil(columns / tile.side);
    best = std::min(best, std::ceil(tiles / tile.places) * tile.places * tile.side * tile.side / tile.speed);
  }
  return best / (rows * columns);
}

/// `bytes`: the gathered whole. Groups that share the classes are consecutive GPUs.
double all_gather_seconds(double bytes, std::int64_t ranks, const GpuRates& rates) {
  if (ranks == 1) return 0;
  const std::int64_t nodes = divide_up(ranks, rates.per_node);
  const double volume = real(ranks - 1) / real(ranks) * bytes;
  const double latency = nodes == 1
                             ? rates.gather_latency
                             : rates.gather_nodes_latency + rates.gather_latency_a_doubling * std::log2(real(nodes));
  return latency + volume / rates.node_bytes_per_s;
}

}  // namespace

double Workload::parameters() const {
  return real(classes) * real(steps) * real(features);
}

double Workload::elements() const {
  return real(batch) * real(classes) * real(steps) * length * real(features);
}

Workload workload_of(const std::string& preset) {
  for (const Workload& work : {Workload{"hmdb51", 3570, 51, 1459, 33}, Workload{"k400", 240436, 400, 1808, 33},
                               Workload{"ssv2", 168913, 174, 6328, 40}}) {
    if (work.name == preset) return work;
  }
  throw ConfigError(fmt::format("--preset: found \"{}\"; expected hmdb51, k400 or ssv2; choose one of them", preset));
}

std::string to_string(const Mesh& mesh) {
  return fmt::format("{}x{}", mesh.data, mesh.classes);
}

double all_reduce_seconds(double bytes, std::int64_t ranks, std::int64_t stride, const GpuRates& rates) {
  if (ranks == 1 || bytes == 0) return 0;
  const std::int64_t nodes = divide_up(ranks * stride, rates.per_node);
  const double volume = 2 * real(ranks - 1) / real(ranks) * bytes;
  if (nodes == 1) {
    return rates.node_latency +
           volume / (ranks == rates.per_node ? rates.whole_node_bytes_per_s : rates.node_bytes_per_s);
  }
  const std::int64_t of_node = std::min(ranks, std::max(std::int64_t{1}, rates.per_node / stride));
  const double latency = nodes == 2 ? rates.two_nodes_latency
                                    : rates.four_nodes_latency + rates.latency_a_doubling * std::log2(real(nodes) / 4);
  return latency + volume / (rates.network_bytes_per_s * real(of_node));
}

bool fits(const Workload& work, const Mesh& mesh) {
  return mesh.data <= work.batch && mesh.classes <= work.classes;
}

StepCost predict_step(const Workload& work, const Mesh& mesh, const GpuRates& rates, Overlap overlap) {
  constexpr std::int64_t kBatchesSearchedTogether = 8, kUpdateBytes = 56, kBlocks = 4;
  const std::int64_t part = divide_up(work.batch, mesh.data), classes = divide_up(work.classes, mesh.classes);
  const double steps = real(work.steps), features = real(work.features);
  const double elements = real(part * classes) * steps * work.length * features;
  const double floor = elements / rates.elements_per_s;
  const auto kernel = [&](double seconds) { return std::max(rates.kernel_seconds, seconds); };

  StepCost cost;
  cost.paths = kernel(floor * rates.paths *
                      wave_loss(real(classes) * steps, real(kBatchesSearchedTogether * part) * work.length));
  cost.distances = kernel(floor * rates.distances);
  cost.gradient = kernel(floor * rates.gradient);
  cost.update = kernel(real(kUpdateBytes * classes) * steps * features / rates.memory_bytes_per_s);
  cost.gather = all_gather_seconds(4 * real(part * work.classes), mesh.classes, rates);
  cost.reduce = all_reduce_seconds(8 * real(classes) * steps * features, mesh.data, mesh.classes, rates);
  cost.launch = rates.launch_seconds;
  if (mesh.size() > 1) {
    cost.launch += rates.agreement_latency * std::log2(real(mesh.size())) / real(kBatchesSearchedTogether);
  }
  const double busy = cost.paths + cost.distances + cost.gradient + cost.update;
  if (overlap == Overlap::kNone) {
    cost.exposed = cost.gather + cost.reduce;
  } else {
    const double last_sum = mesh.data > 1 ? std::max(cost.reduce - cost.gradient * real(kBlocks - 1) / real(kBlocks),
                                                     cost.reduce / real(kBlocks))
                                          : 0;
    const double chain = cost.distances + cost.gather + cost.gradient + last_sum + cost.update;
    cost.exposed = std::max(0.0, chain - busy);
  }
  cost.step = busy + cost.exposed + cost.launch;
  return cost;
}

Mesh best_mesh(const Workload& work, std::int64_t gpus, const GpuRates& rates, Overlap overlap) {
  Mesh best{gpus, 1};
  double least =
      fits(work, best) ? predict_step(work, best, rates, overlap).step : std::numeric_limits<double>::infinity();
  for (std::int64_t classes = 2; classes <= gpus; classes *= 2) {
    const Mesh mesh{gpus / classes, classes};
    if (gpus % classes != 0 || !fits(work, mesh)) continue;
    const double step = predict_step(work, mesh, rates, overlap).step;
    if (step <= least) {
      least = step;
      best = mesh;
    }
  }
  return best;
}

double predict_memory(const Workload& work, const Mesh& mesh) {
  constexpr double kParameterBytes = 124, kCostMatrixGibibytes = 1.5, kGibibyte = 1U << 30U;
  return kParameterBytes * work.parameters() / real(mesh.classes) / kGibibyte + kCostMatrixGibibytes;
}

ScalingEnd find_scaling_end(const Workload& work, const GpuRates& rates, Overlap overlap) {
  constexpr double kEfficient = 0.7;
  constexpr std::int64_t kMost = 512;
  const StepCost one = predict_step(work, {1, 1}, rates, overlap);
  ScalingEnd end;
  for (std::int64_t gpus = 2; gpus <= kMost; gpus *= 2) {
    if (!fits(work, {gpus, 1})) {
      end.reason = fmt::format("a batch of {} samples has nothing for more than {} GPUs", work.batch, work.batch);
      return end;
    }
    const StepCost cost = predict_step(work, {gpus, 1}, rates, overlap);
    if (one.step / cost.step / real(gpus) >= kEfficient) {
      end.gpus = gpus;
      continue;
    }
    const auto lost = [&](double now, double before) { return now - before / real(gpus); };
    const std::array<std::pair<double, const char*>, 4> terms{
        {{cost.exposed, "the sum of gradients over GPUs that nothing else runs under"},
         {lost(cost.launch, one.launch), "launches and agreement, which every step has"},
         {lost(cost.update, one.update), "the update, which every GPU does whole"},
         {lost(cost.paths + cost.distances + cost.gradient, one.paths + one.distances + one.gradient),
          "work that does not fill a GPU evenly"}}};
    const auto& [seconds, name] = *std::max_element(terms.begin(), terms.end());
    end.reason = name;
    end.lost_seconds = seconds;
    end.of_seconds = cost.step;
    return end;
  }
  end.reason = fmt::format("not before {} GPUs", kMost);
  return end;
}

CpuStepCost predict_cpu_step(const Workload& work, std::int64_t ranks, const CpuRates& rates) {
  constexpr double kWholeStep = 1.57;  // of the paths' time
  const std::int64_t groups = divide_up(work.batch, gradient_group(work.batch));
  CpuStepCost cost;
  cost.compute = work.elements() / rates.elements_per_s * kWholeStep * real(divide_up(groups, ranks)) / real(groups);
  if (ranks > 1) {
    cost.reduce =
        rates.reduce_latency + 2 * real(ranks - 1) / real(ranks) * 16 * work.parameters() / rates.reduce_bytes_per_s;
  }
  cost.step = cost.compute + cost.reduce;
  return cost;
}

}  // namespace alignment::dejavid::bench
