#include "src/programs/dejavid_bench/problems/gpu_kernels.hpp"

#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/along_path.hpp"
#include "kernels/cost.hpp"
#include "kernels/loss.hpp"
#include "kernels/roof.hpp"
#include "kernels/search_precision.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/measuring/validation.hpp"
#include "src/programs/dejavid_bench/problems/kernel_problem.hpp"
#include "src/programs/dejavid_bench/problems/shape.hpp"

namespace alignment::dejavid::bench {
namespace {

namespace cuda = kernels::cuda;

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) {
    throw std::runtime_error(fmt::format("GPU: found an error in {} ({}); expected none; see dejavid_dist doctor", what,
                                         cudaGetErrorString(error)));
  }
}

/// Memory of the GPU.
template <typename T>
class GpuArray {
 public:
  explicit GpuArray(std::int64_t count) : count_(count) {
    check(cudaMalloc(reinterpret_cast<void**>(&data_), bytes(std::max(count, std::int64_t{1}))), "cudaMalloc");
  }
  explicit GpuArray(const std::vector<T>& values) : GpuArray(static_cast<std::int64_t>(values.size())) {
    check(cudaMemcpy(data_, values.data(), bytes(count_), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  ~GpuArray() { cudaFree(data_); }
  GpuArray(const GpuArray&) = delete;
  GpuArray& operator=(const GpuArray&) = delete;

  [[nodiscard]] T* get() { return data_; }
  [[nodiscard]] std::vector<T> fetch() const {
    std::vector<T> values(static_cast<std::size_t>(count_));
    check(cudaMemcpy(values.data(), data_, bytes(count_), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return values;
  }

 private:
  static std::size_t bytes(std::int64_t count) { return static_cast<std::size_t>(count) * sizeof(T); }
  std::int64_t count_;
  T* data_ = nullptr;
};

int attribute(cudaDeviceAttr which) {
  int device = 0, value = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&value, which, device), "cudaDeviceGetAttribute");
  return value;
}

int processor_count() {
  return attribute(cudaDevAttrMultiProcessorCount);
}

/// Features in the type that the kernels are to read.
std::vector<std::byte> rows_of(cuda::FeatureType type, const std::vector<float>& values) {
  const auto bytes_of = [](const auto& numbers) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(numbers));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  if (type == cuda::FeatureType::kFloat32) return bytes_of(values);
  std::vector<__half> halves(values.size());
  std::transform(values.begin(), values.end(), halves.begin(), [](float value) { return __float2half_rn(value); });
  return bytes_of(halves);
}

/// A KernelProblem on the GPU, with room for what the kernels write. Everything runs on the default stream.
class GpuProblem {
 public:
  GpuProblem(const KernelProblem& problem, cuda::FeatureType type)
      : classes_(problem.parameters().classes),
        steps_(problem.parameters().steps),
        feature_dim_(problem.parameters().feature_dim),
        count_(problem.samples().count),
        total_steps_(problem.samples().total_steps()),
        centroids_(vector_of(problem.parameters().centroids, problem.parameters().element_count())),
        weights_(vector_of(problem.parameters().weights, problem.parameters().element_count())),
        features_(total_steps_ * cuda::feature_stride(feature_dim_) * cuda::feature_bytes(type)),
        first_rows_(vector_of(problem.samples().offsets, count_)),
        offsets_(std::vector<std::int32_t>(problem.samples().offsets, problem.samples().offsets + count_ + 1)),
        distance_gradient_(problem.distance_gradient()),
        cost_(total_steps_ * cuda::cost_stride(classes_, steps_)),
        breakpoints_(count_ * classes_ * (steps_ - 1)),
        parts_(std::max(cuda::distance_parts(steps_, feature_dim_), cuda::half_distance_parts(steps_, feature_dim_)) *
               count_ * classes_),
        distances_(count_ * classes_),
        sums_(2 * problem.parameters().element_count()),
        processors_(processor_count()) {
    samples_ = {features_.get(), type, first_rows_.get(), offsets_.get(), count_, total_steps_, 0, feature_dim_};
    for (std::int64_t b = 0; b < count_; ++b)
      samples_.longest = std::max(samples_.longest, problem.samples().length(b));
    GpuArray<std::byte> rows(rows_of(type, vector_of(problem.samples().sample(0), total_steps_ * feature_dim_)));
    cuda::place_features(rows.get(), total_steps_, feature_dim_, features_.get(), type, 0, nullptr);
    std::size_t bytes = std::max({cuda::gradient_workspace_bytes(parameters(), samples_, processors_),
                                  cuda::half_gradient_workspace_bytes(samples_, classes_, steps_, processors_)});
    for (const cuda::SearchPrecision& precision : cuda::search_precisions()) {
      Search& search = searches_.emplace_back();
      search.memory = std::make_unique<GpuArray<std::byte>>(
          static_cast<std::int64_t>(precision.parameter_bytes(classes_, steps_, feature_dim_)));
      search.parameters = precision.pack(parameters(), search.memory->get(), nullptr);
      search.packed_samples = std::make_unique<GpuArray<std::byte>>(
          static_cast<std::int64_t>(cuda::packed_sample_bytes(search.parameters, samples_)));
      cuda::pack_samples(search.parameters, samples_, search.packed_samples->get(), nullptr);
      bytes = std::max(bytes, cuda::search_paths_workspace_bytes(search.parameters, samples_, false));
    }
    half_paths_memory_ = std::make_unique<GpuArray<std::byte>>(
        static_cast<std::int64_t>(cuda::half_paths_bytes(samples_, classes_, steps_)));
    workspace_ = std::make_unique<GpuArray<std::byte>>(static_cast<std::int64_t>(bytes));
    check(cudaDeviceSynchronize(), "packing");
  }

  /// For the operations in f16 that follow.
  void prepare_half_paths() {
    half_paths_ =
        cuda::prepare_half_paths(half_packed(), samples_, breakpoints_.get(), half_paths_memory_->get(), nullptr);
  }
  // By the number of a precision in cuda::search_precisions().
  void cost(std::size_t precision) {
    const Search& search = searches_[precision];
    cuda::cost_matrices(search.parameters, search.packed_samples->get(), total_steps_, cost_.get(), nullptr);
  }
  void search_paths(std::size_t precision) {
    cuda::search_paths(searches_[precision].parameters, samples_, false, breakpoints_.get(), workspace_->get(),
                       nullptr);
  }
  void distances() {
    cuda::distances_along_paths(parameters(), samples_, breakpoints_.get(), parts_.get(), processors_, nullptr);
    cuda::add_distance_parts(parts_.get(), cuda::distance_parts(steps_, feature_dim_), count_, classes_,
                             distances_.get(), nullptr);
  }
  void gradient() {
    cuda::gradient_along_paths(parameters(), samples_, breakpoints_.get(), distance_gradient_.get(),
                               kernels::TieSign::kZero, {0, classes_}, sums_.get(), workspace_->get(), processors_,
                               nullptr);
  }

  /// With what has to be done once a batch for both operations.
  void half_distances() {
    prepare_half_paths();
    cuda::distances_along_paths(parameters(), half_paths_, parts_.get(), processors_, nullptr);
    cuda::add_distance_parts(parts_.get(), cuda::half_distance_parts(steps_, feature_dim_), count_, classes_,
                             distances_.get(), nullptr);
  }
  void half_gradient() {
    cuda::gradient_along_paths(parameters(), half_paths_, distance_gradient_.get(), kernels::TieSign::kZero,
                               {0, classes_}, sums_.get(), workspace_->get(), processors_, nullptr);
  }

  void set_breakpoints(const std::vector<std::int32_t>& breakpoints) {
    check(cudaMemcpy(breakpoints_.get(), breakpoints.data(), breakpoints.size() * sizeof(std::int32_t),
                     cudaMemcpyHostToDevice),
          "cudaMemcpy");
  }
  /// [sum of T, K*C], row i*C + c.
  [[nodiscard]] std::vector<double> cost_values() const {
    const std::vector<float> padded = cost_.fetch();
    std::vector<double> values;
    for (std::int64_t j = 0; j < total_steps_; ++j) {
      const auto column = padded.begin() + j * cuda::cost_stride(classes_, steps_);
      values.insert(values.end(), column, column + classes_ * steps_);
    }
    return values;
  }
  [[nodiscard]] std::vector<std::int32_t> breakpoint_values() const { return breakpoints_.fetch(); }
  [[nodiscard]] std::vector<double> distance_values() const { return distances_.fetch(); }
  /// [C,K,F] of the slopes (0) or of the magnitudes (1).
  [[nodiscard]] std::vector<double> sum_values(std::int64_t which) const {
    const std::vector<float> sums = sums_.fetch();
    const std::int64_t per_class = steps_ * feature_dim_;
    std::vector<double> values;
    for (std::int64_t c = 0; c < classes_; ++c) {
      const auto first = sums.begin() + (2 * c + which) * per_class;
      values.insert(values.end(), first, first + per_class);
    }
    return values;
  }

 private:
  [[nodiscard]] const cuda::HalfPackedParameters& half_packed() const {
    const auto half = std::find_if(searches_.begin(), searches_.end(), [](const Search& search) {
      return std::holds_alternative<cuda::HalfPackedParameters>(search.parameters);
    });
    return std::get<cuda::HalfPackedParameters>(half->parameters);
  }
  template <typename T>
  static std::vector<T> vector_of(const T* values, std::int64_t count) {
    return {values, values + count};
  }
  /// What a precision's search reads.
  struct Search {
    std::unique_ptr<GpuArray<std::byte>> memory, packed_samples;
    cuda::SearchParameters parameters;
  };
  [[nodiscard]] kernels::ParametersView<float> parameters() {
    return {centroids_.get(), weights_.get(), classes_, steps_, feature_dim_};
  }

  std::int64_t classes_, steps_, feature_dim_, count_, total_steps_;
  GpuArray<float> centroids_, weights_;
  GpuArray<std::byte> features_;
  GpuArray<std::int64_t> first_rows_;
  GpuArray<std::int32_t> offsets_;
  GpuArray<float> distance_gradient_, cost_;
  GpuArray<std::int32_t> breakpoints_;
  GpuArray<float> parts_;
  GpuArray<double> distances_;
  GpuArray<float> sums_;
  std::unique_ptr<GpuArray<std::byte>> workspace_, half_paths_memory_;
  int processors_;
  cuda::Samples samples_;
  std::vector<Search> searches_;
  cuda::HalfPaths half_paths_;
};

struct GpuOperation {
  std::string name;
  std::function<void(GpuProblem&)> run;
  bool along_paths = false;
  std::optional<double> instructions = std::nullopt;  ///< an element's, in all its lanes
};

/// In the order of a training step; costs and searches in f32, then "cost_f16" and so on.
std::vector<GpuOperation> gpu_operations() {
  std::vector<GpuOperation> operations;
  const auto precisions = cuda::search_precisions();
  for (std::size_t k = 0; k < precisions.size(); ++k) {
    const std::string suffix = k == 0 ? "" : fmt::format("_{}", precisions[k].name);
    operations.push_back(
        {"cost" + suffix, [k](GpuProblem& problem) { problem.cost(k); }, false, precisions[k].instructions});
    operations.push_back({"search_paths" + suffix, [k](GpuProblem& problem) { problem.search_paths(k); }});
  }
  operations.push_back({"distances_along_paths", [](GpuProblem& problem) { problem.distances(); }, true});
  operations.push_back({"gradient_along_paths", [](GpuProblem& problem) { problem.gradient(); }, true});
  operations.push_back({"distances_along_paths_f16", [](GpuProblem& problem) { problem.half_distances(); }, true});
  operations.push_back({"gradient_along_paths_f16", [](GpuProblem& problem) { problem.half_gradient(); }, true});
  return operations;
}

constexpr std::array<std::pair<cuda::FeatureType, std::string_view>, 2> kFeatureTypes{
    {{cuda::FeatureType::kFloat32, "cuda"}, {cuda::FeatureType::kFloat16, "cuda_f16"}}};

/// What the operations of every precision are to find.
struct GpuExpected : Expected {
  explicit GpuExpected(KernelProblem& problem) : Expected(problem), costs_of_bytes(quantized_costs(problem)) {
    problem.search_quantized_paths(1, kernels::cpu::best_quantized_variant());
    breakpoints_of_bytes = problem.breakpoints();
  }

  std::vector<double> costs_of_bytes;
  std::vector<std::int32_t> breakpoints_of_bytes;
};

std::optional<std::string> compare_result(std::string_view name, const GpuProblem& problem,
                                          const GpuExpected& expected) {
  if (name == "cost") return first_difference(problem.cost_values(), expected.plain_cost());
  if (name == "cost_i8") return first_difference(problem.cost_values(), expected.costs_of_bytes);
  if (name == "cost_f16") return std::nullopt;  // scaled; its paths tell
  // Small integers are exact in f16 too.
  if (name == "search_paths" || name == "search_paths_f16")
    return first_difference(problem.breakpoint_values(), expected.breakpoints);
  if (name == "search_paths_i8") return first_difference(problem.breakpoint_values(), expected.breakpoints_of_bytes);
  if (name == "distances_along_paths" || name == "distances_along_paths_f16")
    return first_difference(problem.distance_values(), expected.distances);
  if (name != "gradient_along_paths" && name != "gradient_along_paths_f16")
    throw std::logic_error(fmt::format("{}: found nothing to compare it with; expected a reference", name));
  if (auto slope = first_difference(problem.sum_values(0), expected.slope_sum)) return slope;
  return first_difference(problem.sum_values(1), expected.magnitude_sum);
}

/// Pairs of events around calls, and a buffer whose filling empties the GPU's caches.
class GpuClock {
 public:
  GpuClock() : flush_(kFlushBytes) {
    check(cudaEventCreate(&start_), "cudaEventCreate");
    check(cudaEventCreate(&end_), "cudaEventCreate");
  }
  ~GpuClock() {
    cudaEventDestroy(start_);
    cudaEventDestroy(end_);
  }
  GpuClock(const GpuClock&) = delete;
  GpuClock& operator=(const GpuClock&) = delete;

  double seconds_of(const std::function<void()>& work, bool flush) {
    if (flush) check(cudaMemsetAsync(flush_.get(), 0, kFlushBytes, nullptr), "cudaMemsetAsync");
    check(cudaEventRecord(start_, nullptr), "cudaEventRecord");
    work();
    check(cudaEventRecord(end_, nullptr), "cudaEventRecord");
    check(cudaEventSynchronize(end_), "a kernel");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, start_, end_), "cudaEventElapsedTime");
    return std::max(static_cast<double>(milliseconds), 1e-4) / 1e3;
  }

  Summary measure(const std::function<void()>& work, const Patience& patience) {
    seconds_of(work, false);
    std::vector<double> measurements;
    for (int repeat = 0; repeat < patience.repeats; ++repeat) {
      double seconds = 0;
      int calls = 0;
      do {
        seconds += seconds_of(work, true);
        ++calls;
      } while (seconds < patience.seconds);
      measurements.push_back(seconds / calls);
    }
    return summarize(std::move(measurements));
  }

 private:
  static constexpr std::int64_t kFlushBytes = std::int64_t{256} << 20U;  // several times the second-level cache
  GpuArray<std::byte> flush_;
  cudaEvent_t start_ = nullptr, end_ = nullptr;
};

double measure_roof_by(GpuClock& clock, double run_seconds) {
  constexpr std::int64_t kBlocksEach = 8;
  constexpr int kRuns = 4;
  const std::int64_t blocks = kBlocksEach * processor_count();
  GpuArray<float> checksums(blocks * cuda::kRoofThreads);
  std::int64_t rounds = 16;
  // The first call of a kernel also loads it.
  const auto run = [&] { cuda::roof(blocks, rounds, checksums.get(), nullptr); };
  clock.seconds_of(run, false);
  double seconds = clock.seconds_of(run, false);
  while (seconds < run_seconds) {
    rounds *= 2;
    seconds = clock.seconds_of(run, false);
  }
  for (int k = 0; k < kRuns; ++k) seconds = std::min(seconds, clock.seconds_of(run, false));
  return static_cast<double>(blocks * cuda::kRoofThreads * cuda::kRoofElements * rounds) / seconds;
}

}  // namespace

bool has_gpu() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

std::optional<std::string> find_gpu_disagreement(const Shape& shape) {
  KernelProblem host = cut_problem(shape);
  const GpuExpected expected(host);
  const std::vector<GpuOperation> operations = gpu_operations();
  for (const auto& [type, variant] : kFeatureTypes) {
    GpuProblem problem(host, type);
    for (const GpuOperation& operation : operations) {
      problem.set_breakpoints(operation.along_paths ? expected.breakpoints
                                                    : std::vector<std::int32_t>(expected.breakpoints.size(), -1));
      if (operation.along_paths) problem.prepare_half_paths();
      operation.run(problem);
      check(cudaDeviceSynchronize(), "a kernel");
      if (const auto difference = compare_result(operation.name, problem, expected)) {
        return fmt::format("variant {}: {}{} as the reference has it; do not use this GPU with this build", variant,
                           operation.name, *difference);
      }
    }
  }
  return std::nullopt;
}

double measure_gpu_roof(double seconds) {
  GpuClock clock;
  return measure_roof_by(clock, seconds);
}

double nominal_gpu_roof() {
  // An element is two instructions. sm_80 has 64 lanes of fp32 a multiprocessor, later ones 128.
  const bool fewer =
      attribute(cudaDevAttrComputeCapabilityMajor) == 8 && attribute(cudaDevAttrComputeCapabilityMinor) == 0;
  const double elements_a_clock = fewer ? 32 : 64, clocks_a_second = 1e3 * attribute(cudaDevAttrClockRate);
  return processor_count() * elements_a_clock * clocks_a_second;
}

std::optional<std::string> find_low_roof(double roof, double nominal) {
  constexpr double kLowest = 0.75;
  if (roof >= kLowest * nominal) return std::nullopt;
  return fmt::format(
      "roof: found {:.4g} G elements/s, {:.3f} of the {:.4g} that the GPU's units do at its highest clock; expected {} "
      "of them: look at its clocks (nvidia-smi -q -d CLOCK,PERFORMANCE) before comparing anything with the roof",
      roof / 1e9, roof / nominal, nominal / 1e9, kLowest);
}

std::vector<Record> measure_gpu_kernels(const Shape& shape, const Patience& patience) {
  constexpr double kRoofSeconds = 0.02;
  const KernelProblem host = batch_of(shape);
  GpuClock clock;
  const double roof_seconds = std::min(kRoofSeconds, patience.seconds);
  const double roof_before = measure_roof_by(clock, roof_seconds), nominal = nominal_gpu_roof();
  const std::vector<GpuOperation> operations = gpu_operations();
  std::vector<Record> records;
  for (const auto& [type, variant] : kFeatureTypes) {
    GpuProblem problem(host, type);
    problem.search_paths(0);
    problem.prepare_half_paths();
    for (const GpuOperation& operation : operations) {
      const Summary summary = clock.measure([&] { operation.run(problem); }, patience);
      Record record = kernel_record(operation.name, variant, shape, operation.along_paths);
      record.seconds = summary.seconds;
      record.spread = summary.spread;
      // Where 128 lanes issue in a clock; `nominal` is of elements of two instructions.
      if (operation.instructions) record.predicted_seconds = record.elements * *operation.instructions / 2 / nominal;
      records.push_back(std::move(record));
    }
  }
  const double roof = std::max(roof_before, measure_roof_by(clock, roof_seconds));
  log_info(fmt::format("roof: {:.4g} G elements/s, {:.3f} of the nominal {:.4g}", roof / 1e9, roof / nominal,
                       nominal / 1e9));
  if (const auto low = find_low_roof(roof, nominal)) log_warning(*low);
  for (Record& record : records) {
    record.roof = roof;
    record.nominal_roof = nominal;
  }
  return records;
}

}  // namespace alignment::dejavid::bench
