#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alignment::dejavid::bench {

/// What is trained: samples, classes C, centroid steps K, mean steps T and features F of a sample, B samples a step
/// over all ranks.
struct Workload {
  std::string name;
  std::int64_t samples = 0, classes = 0, features = 0;
  double length = 0;
  std::int64_t steps = 8, batch = 384;

  [[nodiscard]] double parameters() const;  ///< P = C K F, of which there are two arrays
  [[nodiscard]] double elements() const;    ///< B C K T F, what a step searches paths among
};

/// The paper's sets: hmdb51, k400 or ssv2. Throws ConfigError.
[[nodiscard]] Workload workload_of(const std::string& preset);

/// p = data * classes ranks: `data` parts of a batch, each of `classes` ranks that hold a share of the classes. Today's
/// training is data x 1.
struct Mesh {
  std::int64_t data = 1, classes = 1;
  [[nodiscard]] std::int64_t size() const { return data * classes; }
};
[[nodiscard]] std::string to_string(const Mesh& mesh);  ///< "8x1"

/// Rates of GPUs and of what joins them, in elements, bytes and seconds. The defaults are those of H100s of 8 a node,
/// on NVLink and one NDR400 adapter a GPU: partly measured, partly assumed (docs/use/cluster.md says which).
struct GpuRates {
  std::int64_t per_node = 8;
  double elements_per_s = 16.7e12;  ///< exact f32: 132 processors * 64 * 1.98 GHz
  /// Time over that floor's, by counted instructions.
  double paths = 1 / 0.87, distances = 0.32, gradient = 0.5;
  double memory_bytes_per_s = 4.3e12;
  double launch_seconds = 50e-6, kernel_seconds = 8e-6;  ///< that a step, or a kernel, takes at least
  double node_bytes_per_s = 363e9, whole_node_bytes_per_s = 440e9, network_bytes_per_s = 37e9;  ///< of an all-reduce
  double node_latency = 42e-6, two_nodes_latency = 96e-6, four_nodes_latency = 150e-6, latency_a_doubling = 20e-6;
  double gather_latency = 15e-6, gather_nodes_latency = 45e-6, gather_latency_a_doubling = 15e-6;
  double agreement_latency = 8e-6;  ///< a hop of the hosts' agreement, once in eight steps
};

/// What a step takes, in seconds.
struct StepCost {
  double step = 0;
  double paths = 0, distances = 0, gradient = 0, update = 0;  ///< what a GPU computes
  double gather = 0;                                          ///< of distances, in a group that shares the classes
  double reduce = 0;                                          ///< of gradients over the data parts
  double exposed = 0;                                         ///< of both, what nothing else runs under
  double launch = 0;                                          ///< and agreement
};

/// Sums of a block of classes run under the gradient of the next, and paths, which need the frozen copy only, under
/// everything: a lower bound of the time. Without overlap everything comes one after the other: an upper bound.
enum class Overlap : std::uint8_t { kFull, kNone };

/// Whether a mesh leaves no rank without a sample or class.
[[nodiscard]] bool fits(const Workload& work, const Mesh& mesh);
/// `mesh` must fit. Work is taken to be balanced.
[[nodiscard]] StepCost predict_step(const Workload& work, const Mesh& mesh, const GpuRates& rates,
                                    Overlap overlap = Overlap::kFull);
/// The mesh of so many GPUs that takes the least time; the first of equals has the fewest data parts.
[[nodiscard]] Mesh best_mesh(const Workload& work, std::int64_t gpus, const GpuRates& rates, Overlap overlap);
/// GiB of GPU memory a rank, without features that are kept there.
[[nodiscard]] double predict_memory(const Workload& work, const Mesh& mesh);

/// Seconds of an all-reduce of `bytes` over `ranks` that are `stride` GPUs apart.
[[nodiscard]] double all_reduce_seconds(double bytes, std::int64_t ranks, std::int64_t stride, const GpuRates& rates);

/// Where strong scaling of data parallel training ends.
struct ScalingEnd {
  std::int64_t gpus = 1;  ///< the most, of the powers of two to 512, with an efficiency of at least 0.7
  std::string reason;     ///< what takes most of the time lost at twice as many
  double lost_seconds = 0, of_seconds = 0;  ///< that time, of the step's there
};
[[nodiscard]] ScalingEnd find_scaling_end(const Workload& work, const GpuRates& rates, Overlap overlap);

/// CPU ranks of one host.
struct CpuRates {
  double elements_per_s = 0;  ///< of one rank, searching paths
  double reduce_bytes_per_s = 0, reduce_latency = 50e-6;
};
struct CpuStepCost {
  double step = 0, compute = 0, reduce = 0;
};
/// Groups of samples stay together (gradient_group()), the rest of a step takes 0.57 of the paths' time, and sums in
/// f64 pass twice.
[[nodiscard]] CpuStepCost predict_cpu_step(const Workload& work, std::int64_t ranks, const CpuRates& rates);

}  // namespace alignment::dejavid::bench
