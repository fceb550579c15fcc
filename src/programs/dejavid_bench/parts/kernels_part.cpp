// Every variant of every kernel on one shape: validated, then timed.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>

#include "kernels/variants.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/validation.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/problems/gpu_kernels.hpp"
#include "src/programs/dejavid_bench/problems/kernel_problem.hpp"
#include "src/programs/dejavid_bench/problems/shape.hpp"
#include "src/programs/dejavid_bench/roof/roof.hpp"

namespace alignment::dejavid::bench {
namespace {

struct Options {
  std::string shape = "hmdb51";
  std::string device = "auto";
  std::optional<std::int64_t> samples;
  std::vector<int> threads;
  Patience patience;
};

/// Empty: one thread, and as many as there are cores.
std::vector<int> thread_counts(const std::vector<int>& asked) {
  const int cores = chosen_threads(std::nullopt);
  if (asked.empty()) return cores > 1 ? std::vector<int>{1, cores} : std::vector<int>{1};
  for (const int threads : asked) require_threads(threads);
  return asked;
}

/// The variant that the instruction set is also there in f32.
const kernels::Variant& f32_variant_of(const kernels::cpu::QuantizedVariant& variant) {
  for (const kernels::Variant& one : kernels::variants()) {
    if (variant.name.starts_with(one.name)) return one;
  }
  throw std::logic_error(fmt::format("variant {}: found no f32 variant of its name; expected one", variant.name));
}

std::vector<const kernels::Variant*> supported_variants() {
  std::vector<const kernels::Variant*> supported;
  for (const kernels::Variant& variant : kernels::variants()) {
    if (variant.supported()) supported.push_back(&variant);
  }
  return supported;
}

/// All operations of one variant, beside its roof.
std::vector<Record> measure_variant(const kernels::Variant& variant, const Shape& shape, int threads,
                                    const Patience& patience, KernelProblem& problem, CacheFlush& flush) {
  const RoofMeter roof = roof_meter(variant, threads);
  std::vector<Record> records;
  for (const Operation& operation : kOperations) {
    const Summary summary =
        measure([&] { (problem.*operation.run)(threads, variant); }, threads, patience, flush, roof);
    Record record = kernel_record(operation.name, variant.name, shape, operation.along_paths);
    record.threads = threads;
    record.seconds = summary.seconds;
    record.spread = summary.spread;
    record.roof = summary.roof;
    record.most_of_roof = kMostOfRoof;
    records.push_back(std::move(record));
  }
  return records;
}

/// The path search on integers beside the f32 roof of the same instruction set, which it may exceed.
Record measure_quantized(const kernels::cpu::QuantizedVariant& variant, const Shape& shape, int threads,
                         const Patience& patience, KernelProblem& problem, CacheFlush& flush) {
  const Summary summary = measure([&] { problem.search_quantized_paths(threads, variant); }, threads, patience, flush,
                                  roof_meter(f32_variant_of(variant), threads));
  Record record = kernel_record("search_paths_i8", variant.name, shape, false);
  record.threads = threads;
  record.seconds = summary.seconds;
  record.spread = summary.spread;
  record.roof = summary.roof;
  record.most_of_roof = kMostOfRoofOnIntegers;
  return record;
}

std::vector<Record> measure_cuda(const Shape& shape, const Patience& patience) {
  if (const auto disagreement = find_gpu_disagreement(shape)) throw std::runtime_error(*disagreement);
  log_info(fmt::format("{}: every CUDA kernel agrees with the reference", to_string(shape)));
  log_info("measuring cuda");
  return measure_gpu_kernels(shape, patience);
}

std::vector<Record> measure_kernels(const Options& options) {
  const Shape shape = parse_shape(options.shape, options.samples);
  if (takes_gpu(options.device)) return measure_cuda(shape, options.patience);
  const std::vector<int> all_threads = thread_counts(options.threads);
  const std::vector<const kernels::Variant*> variants = supported_variants();
  for (const kernels::Variant* variant : variants) {
    for (const int threads : all_threads) {
      if (const auto disagreement = find_disagreement(*variant, shape, threads)) {
        throw std::runtime_error(*disagreement);
      }
    }
  }
  for (const kernels::cpu::QuantizedVariant& variant : kernels::cpu::quantized_variants()) {
    if (!variant.supported()) continue;
    for (const int threads : all_threads) {
      if (const auto disagreement = find_quantized_disagreement(variant, shape, threads)) {
        throw std::runtime_error(*disagreement);
      }
    }
  }
  log_info(fmt::format("{}: every variant agrees with the reference", to_string(shape)));

  KernelProblem problem = batch_of(shape);
  CacheFlush flush;
  std::vector<Record> records;
  for (const kernels::Variant* variant : variants) {
    for (const int threads : all_threads) {
      log_info(fmt::format("measuring {}, {} thread{}", variant->name, threads, threads == 1 ? "" : "s"));
      const auto measured = measure_variant(*variant, shape, threads, options.patience, problem, flush);
      records.insert(records.end(), measured.begin(), measured.end());
    }
  }
  for (const kernels::cpu::QuantizedVariant& variant : kernels::cpu::quantized_variants()) {
    if (!variant.supported()) continue;
    for (const int threads : all_threads) {
      records.push_back(measure_quantized(variant, shape, threads, options.patience, problem, flush));
    }
  }
  return records;
}

}  // namespace

void add_kernels(CLI::App& program, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "kernels", "every kernel and instruction set: compared with the reference, then timed on cold caches");
  command->add_option("--shape", options->shape, "hmdb51 (the default), k400, ssv2, order, or five numbers")
      ->type_name("NAME|C,K,F,T,B");
  command->add_option("--device", options->device, "auto (the default: a GPU where there is one), cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}).description(""))
      ->type_name("NAME");
  command->add_option("--samples", options->samples, "samples at a time, instead of the shape's")
      ->transform(whole_number(std::int64_t{1}, kMostCount))
      ->type_name("B");
  command->add_option("--threads", options->threads, "numbers of threads; default 1 and all cores")
      ->delimiter(',')
      ->type_name("N,N...");
  add_patience_options(*command, options->patience);
  add_json_option(*command, choice);
  command->callback(
      [options, &choice] { choice.measure = [options](dist::Communicator&) { return measure_kernels(*options); }; });
}

}  // namespace alignment::dejavid::bench
