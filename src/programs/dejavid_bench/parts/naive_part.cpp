// What training costs without kernels of one's own, beside what it costs with ours: a few batches of each, extrapolated
// to an epoch.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "kernels/variants.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/validation.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/problems/kernel_problem.hpp"
#include "src/programs/dejavid_bench/problems/naive.hpp"
#include "src/programs/dejavid_bench/problems/shape.hpp"
#include "src/programs/dejavid_bench/roof/roof.hpp"

namespace alignment::dejavid::bench {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 3> kTrainingSamples{
    {{"hmdb51", 3'570}, {"k400", 240'436}, {"ssv2", 168'913}}};  // the paper's
constexpr std::array<const char*, 3> kStepPhases{"paths", "forward", "backward"};
/// Our kernels take so little that one call of them says nothing.
constexpr Patience kKernelPatience{3, 0};

struct Options {
  std::string shape = "hmdb51";
  std::optional<std::int64_t> samples, epoch_samples, threads;
  std::int64_t batches = 3;
  std::int64_t block_mib = 256;
};

/// Seconds of each of kStepPhases.
using StepSeconds = std::array<double, kStepPhases.size()>;

double total(const StepSeconds& seconds) {
  double sum = 0;
  for (const double phase : seconds) sum += phase;
  return sum;
}

std::int64_t samples_of_an_epoch(const Options& options, const Shape& shape) {
  if (options.epoch_samples) return *options.epoch_samples;
  for (const auto& [name, samples] : kTrainingSamples) {
    if (shape.name == name) return samples;
  }
  return shape.samples * options.batches;
}

StepSeconds time_naive(NaiveStep& naive, const KernelProblem& problem) {
  return {seconds_of([&] { naive.search_paths(); }), seconds_of([&] { naive.distances(); }),
          seconds_of([&] { naive.gradient(problem.distance_gradient()); })};
}

StepSeconds time_kernels(KernelProblem& problem, int threads, CacheFlush& flush) {
  const kernels::Variant& variant = kernels::best_variant();
  const auto seconds = [&](const std::function<void()>& work) {
    return measure(work, threads, kKernelPatience, flush).seconds;
  };
  return {seconds([&] {
            problem.lay_out(threads);
            problem.search_paths(threads, variant);
          }),
          seconds([&] { problem.distances(threads, variant); }), seconds([&] { problem.gradient(threads, variant); })};
}

/// An epoch of `samples`, from some batches of one and the same size.
Record epoch_record(std::string_view name, std::string_view variant, const Shape& shape, std::int64_t samples,
                    std::vector<StepSeconds> batches) {
  std::vector<double> totals;
  totals.reserve(batches.size());
  for (const StepSeconds& batch : batches) totals.push_back(total(batch));
  const Summary summary = summarize(totals);
  const auto middle = batches.begin() + (static_cast<std::ptrdiff_t>(batches.size()) - 1) / 2;
  std::nth_element(batches.begin(), middle, batches.end(),
                   [](const StepSeconds& one, const StepSeconds& other) { return total(one) < total(other); });

  const double steps = static_cast<double>(samples) / static_cast<double>(shape.samples);
  Record record;
  record.part = "naive";
  record.name = name;
  record.variant = variant;
  record.shape = shape;
  record.seconds = summary.seconds * steps;
  record.spread = summary.spread;
  record.elements = kernel_record(name, variant, shape, false).elements * steps;
  record.samples_per_s = static_cast<double>(samples) / record.seconds;
  record.measured_samples = shape.samples * static_cast<std::int64_t>(batches.size());
  for (std::size_t phase = 0; phase < kStepPhases.size(); ++phase) {
    record.phases.emplace_back(kStepPhases[phase], (*middle)[phase] * steps);
  }
  return record;
}

std::vector<Record> measure_naive(const Options& options) {
  const Shape shape = parse_shape(options.shape, options.samples);
  const int threads = chosen_threads(options.threads);
  const std::int64_t block_bytes = options.block_mib << 20U;
  set_torch_threads(threads);
  if (const auto disagreement = find_naive_disagreement(shape, block_bytes)) throw std::runtime_error(*disagreement);
  if (const auto disagreement = find_disagreement(kernels::best_variant(), shape, threads)) {
    throw std::runtime_error(*disagreement);
  }
  log_info(fmt::format("{}: tensor expressions and kernels agree with the reference", to_string(shape)));

  Shape one_sample_shape = shape;
  one_sample_shape.samples = 1;
  const KernelProblem one_sample = batch_of(one_sample_shape);
  NaiveStep warming(one_sample.parameters(), one_sample.samples(), block_bytes);
  time_naive(warming, one_sample);
  KernelProblem problem = batch_of(shape);
  NaiveStep naive(problem.parameters(), problem.samples(), block_bytes);
  CacheFlush flush;
  double roof = measure_roof(kernels::best_variant(), threads);
  std::vector<StepSeconds> naive_batches, kernel_batches;
  for (std::int64_t batch = 0; batch < options.batches; ++batch) {
    naive_batches.push_back(time_naive(naive, problem));
    kernel_batches.push_back(time_kernels(problem, threads, flush));
    log_info(fmt::format("batch {} of {}: {:.3g} s, with our kernels {:.3g} s", batch + 1, options.batches,
                         total(naive_batches.back()), total(kernel_batches.back())));
  }
  roof = std::max(roof, measure_roof(kernels::best_variant(), threads));

  const std::int64_t samples = samples_of_an_epoch(options, shape);
  std::vector<Record> records{
      epoch_record("naive", "tensors", shape, samples, std::move(naive_batches)),
      epoch_record("kernels", kernels::best_variant().name, shape, samples, std::move(kernel_batches))};
  records[0].times_slower = records[0].seconds / records[1].seconds;
  for (Record& record : records) {
    record.threads = threads;
    record.roof = roof;
  }
  return records;
}

}  // namespace

void add_naive(CLI::App& program, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "naive",
      "an epoch by plain tensor expressions and scalar loops beside one by our kernels, extrapolated from a few "
      "batches; paths, forward and backward");
  const auto add_count = [&](const char* name, auto& value, const char* text, const char* type) {
    command->add_option(name, value, text)->transform(whole_number(std::int64_t{1}, kMostCount))->type_name(type);
  };
  command->add_option("--shape", options->shape, "hmdb51 (the default), k400, ssv2, order, or five numbers")
      ->type_name("NAME|C,K,F,T,B");
  add_count("--samples", options->samples, "samples a batch, instead of the shape's", "B");
  add_count("--batches", options->batches, "batches to time; default 3", "N");
  add_count("--epoch-samples", options->epoch_samples,
            "samples to extrapolate to; default the paper's training set, or what was timed", "N");
  command->add_option("--threads", options->threads, "threads; default all cores")->type_name("N");
  add_count("--block-mib", options->block_mib, "the most that the tensors of one expression hold; default 256", "MIB");
  add_json_option(*command, choice);
  command->callback(
      [options, &choice] { choice.measure = [options](dist::Communicator&) { return measure_naive(*options); }; });
}

}  // namespace alignment::dejavid::bench
