// The cost matrices by PyTorch, eager and compiled, in a process of its own, beside ours in the same run.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "io/durable_file.hpp"
#include "kernels/variants.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/temporary_folder.hpp"
#include "src/programs/dejavid_bench/measuring/torch_program.hpp"
#include "src/programs/dejavid_bench/measuring/validation.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/problems/gpu_kernels.hpp"
#include "src/programs/dejavid_bench/problems/kernel_problem.hpp"
#include "src/programs/dejavid_bench/problems/shape.hpp"
#include "src/programs/dejavid_bench/roof/roof.hpp"
#include "src/programs/dejavid_bench/torch_script.hpp"

namespace alignment::dejavid::bench {
namespace {

using Json = nlohmann::json;

struct Options {
  std::string shape = "hmdb51";
  std::string device = "auto";
  std::optional<std::int64_t> samples, threads;
  Patience patience;
  std::string python;
};

constexpr const char* kScript = "torch_expression.py";
constexpr std::int64_t kGpuFlushBytes = std::int64_t{256} << 20U;  // several times the second-level cache

/// [columns, C*K], row c*K + i, as our kernels have it.
std::vector<float> expected_cost(KernelProblem& problem, int threads) {
  problem.cost(threads, kernels::best_variant());
  const auto parameters = problem.parameters();
  const std::int64_t classes = parameters.classes, steps = parameters.steps;
  const float* column = problem.cost_values();
  std::vector<float> cost;
  cost.reserve(static_cast<std::size_t>(problem.samples().total_steps() * classes * steps));
  for (std::int64_t j = 0; j < problem.samples().total_steps(); ++j) {
    for (std::int64_t c = 0; c < classes; ++c) {
      for (std::int64_t i = 0; i < steps; ++i) cost.push_back(column[i * classes + c]);
    }
    column += kernels::cost_stride(classes, steps);
  }
  return cost;
}

/// Terms are not negative, so a sum in f32 is off by at most F + 2 roundings, in whatever order; two are compared.
double tolerance_of(std::int64_t features) {
  return static_cast<double>(features + 2) / (1U << 23U);
}

void write_problem(const std::filesystem::path& folder, KernelProblem& problem, const Options& options, bool on_gpu,
                   int threads, std::size_t flush_bytes) {
  const auto parameters = problem.parameters();
  const auto samples = problem.samples();
  const auto count = static_cast<std::size_t>(parameters.element_count());
  write_floats(folder / "centroids", {parameters.centroids, count});
  write_floats(folder / "weights", {parameters.weights, count});
  write_floats(folder / "features",
               {samples.features, static_cast<std::size_t>(samples.total_steps() * samples.feature_dim)});
  write_floats(folder / "expected", expected_cost(problem, threads));
  const Json description = {{"device", on_gpu ? "cuda" : "cpu"},
                            {"threads", threads},
                            {"B", samples.count},
                            {"T", samples.length(0)},
                            {"F", samples.feature_dim},
                            {"rows", parameters.classes * parameters.steps},
                            {"repeats", options.patience.repeats},
                            {"seconds", options.patience.seconds},
                            {"flush_bytes", on_gpu ? kGpuFlushBytes : static_cast<std::int64_t>(flush_bytes)},
                            {"tolerance", tolerance_of(samples.feature_dim)}};
  io::write_text(folder / "problem.json", description.dump());
  io::write_text(folder / kScript, torch_script());
}

Record measure_cpu_cost(KernelProblem& problem, const Shape& shape, const Patience& patience, int threads,
                        CacheFlush& flush) {
  const kernels::Variant& variant = kernels::best_variant();
  const double roof = measure_roof(variant, threads);
  const Summary summary = measure([&] { problem.cost(threads, variant); }, threads, patience, flush);
  Record record = kernel_record("cost", variant.name, shape, false);
  record.seconds = summary.seconds;
  record.spread = summary.spread;
  record.roof = std::max(roof, measure_roof(variant, threads));
  return record;
}

Record measure_gpu_cost(const Shape& shape, const Patience& patience) {
  for (Record& record : measure_gpu_kernels(shape, patience)) {
    if (record.name == "cost/cuda") return std::move(record);
  }
  throw std::logic_error("measure_gpu_kernels has no cost/cuda");
}

/// Two measurements of the same, one before and one after another program's.
Record both(const Record& before, const Record& after) {
  const Summary summary = summarize({before.seconds, after.seconds});
  Record record = before;
  record.seconds = summary.seconds;
  record.spread = std::max({before.spread, after.spread, summary.spread});
  record.roof = std::max(*before.roof, *after.roof);
  return record;
}

Record torch_record(const Json& result, const std::string& version, const Record& ours) {
  const std::int64_t samples = result.at("samples").get<std::int64_t>();
  Record record = ours;
  record.name = result.at("name").get<std::string>();
  record.variant = fmt::format("torch {}", version);
  record.seconds =
      result.at("seconds").get<double>() * static_cast<double>(ours.shape.samples) / static_cast<double>(samples);
  record.spread = result.at("spread").get<double>();
  record.times_slower = record.seconds / ours.seconds;
  if (samples < ours.shape.samples) record.measured_samples = samples;
  return record;
}

std::vector<Record> measure_torch(const Options& options) {
  install_stop_signals();
  const Shape shape = parse_shape(options.shape, options.samples);
  const bool on_gpu = takes_gpu(options.device);
  const int threads = chosen_threads(options.threads);
  if (const auto disagreement =
          on_gpu ? find_gpu_disagreement(shape) : find_disagreement(kernels::best_variant(), shape, threads)) {
    throw std::runtime_error(*disagreement);
  }

  KernelProblem problem = batch_of(shape);
  CacheFlush flush;
  const TemporaryFolder folder;
  write_problem(folder.path(), problem, options, on_gpu, threads, flush.bytes());
  const auto measure_ours = [&] {
    log_info("measuring our cost kernel");
    return on_gpu ? measure_gpu_cost(shape, options.patience)
                  : measure_cpu_cost(problem, shape, options.patience, threads, flush);
  };
  const Record before = measure_ours();
  const Json found = run_torch_script(folder.path(), kScript, options.python);
  Record ours = both(before, measure_ours());
  ours.part = "torch";
  ours.threads = threads;

  std::vector<Record> records{ours};
  for (const Json& result : found.at("results")) {
    records.push_back(torch_record(result, found.at("version").get<std::string>(), ours));
  }
  return records;
}

}  // namespace

void add_torch(CLI::App& program, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "torch", "cost matrices by PyTorch, eager and compiled, beside our kernel; needs a Python with PyTorch");
  command->add_option("--shape", options->shape, "hmdb51 (the default), k400, ssv2, order, or five numbers")
      ->type_name("NAME|C,K,F,T,B");
  command->add_option("--device", options->device, "auto (the default: a GPU where there is one), cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}).description(""))
      ->type_name("NAME");
  command->add_option("--samples", options->samples, "samples at a time, instead of the shape's")
      ->transform(whole_number(std::int64_t{1}, kMostCount))
      ->type_name("B");
  command->add_option("--threads", options->threads, "threads of either; default all cores")->type_name("N");
  command
      ->add_option("--python", options->python, "a Python with PyTorch; default the project's own (.venv), or python3")
      ->type_name("FILE");
  add_patience_options(*command, options->patience);
  add_json_option(*command, choice);
  command->callback(
      [options, &choice] { choice.measure = [options](dist::Communicator&) { return measure_torch(*options); }; });
}

}  // namespace alignment::dejavid::bench
