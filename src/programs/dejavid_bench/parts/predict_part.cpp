// What the cost model says of more GPUs, or CPU ranks, than there are.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "src/config/error.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/parts/scaling_baseline.hpp"
#include "src/programs/dejavid_bench/problems/cost_model.hpp"

namespace alignment::dejavid::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string preset, mesh = "data";
  std::vector<std::int64_t> gpus, ranks;
  std::optional<std::int64_t> batch;
  bool no_overlap = false;
  double latency = 1;
  CpuRates cpu;
  std::vector<std::filesystem::path> measured;
};

void require_counts(const char* option, const std::vector<std::int64_t>& counts) {
  for (const std::int64_t count : counts) {
    if (count < 1) throw ConfigError(fmt::format("{}: found {}; expected counts from 1 on; correct it", option, count));
  }
}

void require_rate(const char* option, double value) {
  if (std::isfinite(value) && value >= 0) return;
  throw ConfigError(fmt::format("{}: found {}; expected a number that is not negative; correct it", option, value));
}

/// The strong-scaling records of a kind of device.
std::vector<Json> usable(const std::vector<Json>& records, const std::string& device) {
  std::vector<Json> found;
  for (const Json& record : records) {
    if (record.at("mode") == "strong" && record.at("device") == device) found.push_back(record);
  }
  if (found.empty()) {
    throw ConfigError(fmt::format(
        "--measured: found no strong-scaling run on a {}; expected one at least; measure with dejavid_bench scaling",
        device));
  }
  return found;
}

double number(const Json& record, const char* name) {
  return record.at(name).get<double>();
}

/// What was trained there.
Workload measured_workload(const Json& record) {
  const Json& shape = record.at("shape");
  Workload work;
  work.name = shape.value("name", "");
  work.classes = shape.at("C");
  work.steps = shape.at("K");
  work.features = shape.at("F");
  work.length = shape.at("T");
  work.batch = record.at("batch");
  work.samples = record.at("samples");
  return work;
}

/// Rates of CPU ranks from measured runs: the one of fewest ranks tells what a rank computes, that of most what a sum
/// over them takes.
CpuRates fit_cpu(const std::vector<Json>& records, CpuRates rates) {
  const auto fewer = [](const Json& one, const Json& other) { return one.at("ranks") < other.at("ranks"); };
  const Json& few = *std::min_element(records.begin(), records.end(), fewer);
  const Json& many = *std::max_element(records.begin(), records.end(), fewer);
  const double alone = few.at("step_seconds_without_reduction").is_null()
                           ? number(few, "seconds")
                           : number(few, "step_seconds_without_reduction");
  CpuRates unit;
  unit.elements_per_s = 1;
  unit.reduce_bytes_per_s = 1;
  rates.elements_per_s = predict_cpu_step(measured_workload(few), few.at("ranks"), unit).compute / alone;
  if (!many.at("bus_gb_per_s").is_null()) {
    rates.reduce_latency = number(many, "reduction_latency");
    const double ranks = number(many, "ranks");
    rates.reduce_bytes_per_s = 2 * (ranks - 1) / ranks * number(many, "reduced_bytes") /
                               std::max(1e-9, number(many, "reduction_seconds") - rates.reduce_latency);
  }
  return rates;
}

/// Rates of GPUs from measured runs: of arithmetic by the run of fewest, of sums in a node and over two or more by the
/// largest of each.
GpuRates fit_gpu(const std::vector<Json>& records, GpuRates rates) {
  const Json* few = &records.front();
  const Json *in_node = nullptr, *over_nodes = nullptr;
  for (const Json& record : records) {
    if (record.at("ranks") < few->at("ranks")) few = &record;
    if (record.at("bus_gb_per_s").is_null()) continue;
    const Json*& largest = record.at("hosts") == 1 ? in_node : over_nodes;
    if (largest == nullptr || record.at("ranks") > largest->at("ranks")) largest = &record;
  }
  const double alone = few->at("step_seconds_without_reduction").is_null()
                           ? number(*few, "seconds")
                           : number(*few, "step_seconds_without_reduction");
  const StepCost cost = predict_step(measured_workload(*few), {few->at("ranks"), 1}, rates);
  const double computed = cost.paths + cost.distances + cost.gradient + cost.update;
  rates.elements_per_s *= computed / std::max(1e-9, alone - cost.launch);
  const auto bytes_per_s = [](const Json& record) {
    const double ranks = number(record, "ranks");
    return 2 * (ranks - 1) / ranks * number(record, "reduced_bytes") /
           std::max(1e-9, number(record, "reduction_seconds") - number(record, "reduction_latency"));
  };
  if (in_node != nullptr) {
    rates.per_node = std::max(rates.per_node, in_node->at("ranks").get<std::int64_t>());
    rates.node_latency = number(*in_node, "reduction_latency");
    rates.node_bytes_per_s = rates.whole_node_bytes_per_s = bytes_per_s(*in_node);
  }
  if (over_nodes != nullptr) {
    rates.per_node = over_nodes->at("ranks_a_host");
    rates.two_nodes_latency = number(*over_nodes, "reduction_latency");
    rates.network_bytes_per_s = bytes_per_s(*over_nodes) / static_cast<double>(rates.per_node);
  }
  return rates;
}

Record record_of(const Workload& work, const std::string& name, double step, double one, std::int64_t count) {
  Record record;
  record.part = "predict";
  record.name = name;
  record.variant = "model";
  record.shape = {work.name, work.classes, work.steps, work.features, work.length, work.batch};
  record.ranks = static_cast<int>(count);
  record.seconds = step;
  record.elements = work.elements();
  const double steps = std::ceil(static_cast<double>(work.samples) / static_cast<double>(work.batch));
  const double efficiency = one / step / static_cast<double>(count);
  if (!std::isfinite(efficiency) || !std::isfinite(steps * step)) {
    throw ConfigError("predict: found a time that is not finite; expected rates of a machine; look at those given");
  }
  record.more = {{"step_seconds", step}, {"epoch_seconds", steps * step}, {"efficiency", efficiency}};
  record.note = fmt::format("predicted: {:.4g} s an epoch, efficiency {:.2f}", steps * step, efficiency);
  return record;
}

std::vector<Record> predict_gpus(const Options& options, const Workload& work, const std::vector<Json>& measured) {
  GpuRates rates;
  if (!measured.empty()) rates = fit_gpu(usable(measured, "cuda"), rates);
  for (double* latency :
       {&rates.node_latency, &rates.two_nodes_latency, &rates.four_nodes_latency, &rates.latency_a_doubling,
        &rates.gather_latency, &rates.gather_nodes_latency, &rates.gather_latency_a_doubling}) {
    *latency *= options.latency;
  }
  const Overlap overlap = options.no_overlap ? Overlap::kNone : Overlap::kFull;
  const double one = predict_step(work, {1, 1}, rates, overlap).step;
  std::vector<Record> records;
  for (const std::int64_t gpus : options.gpus) {
    const Mesh mesh = options.mesh == "best" ? best_mesh(work, gpus, rates, overlap) : Mesh{gpus, 1};
    if (!fits(work, mesh)) {
      throw ConfigError(fmt::format(
          "--gpus: found {} with a batch of {} samples; expected at most one GPU a sample; ask for fewer, or a larger "
          "--batch-size",
          gpus, work.batch));
    }
    const StepCost cost = predict_step(work, mesh, rates, overlap);
    Record record = record_of(work, fmt::format("{} GPUs/{}", gpus, to_string(mesh)), cost.step, one, gpus);
    record.more["gpus"] = gpus;
    record.more["mesh"] = to_string(mesh);
    record.more["terms"] = {{"paths", cost.paths},     {"distances", cost.distances}, {"gradient", cost.gradient},
                            {"update", cost.update},   {"gather", cost.gather},       {"reduce", cost.reduce},
                            {"exposed", cost.exposed}, {"launch", cost.launch}};
    record.more["gib_a_rank"] = predict_memory(work, mesh);
    records.push_back(record);
  }
  const ScalingEnd end = find_scaling_end(work, rates, overlap);
  const std::string share = end.of_seconds > 0 ? fmt::format(" ({:.3f} of {:.3f} ms a step on {} GPUs)",
                                                             1e3 * end.lost_seconds, 1e3 * end.of_seconds, 2 * end.gpus)
                                               : "";
  records.back().more["strong_scaling_ends_at"] = end.gpus;
  records.back().more["strong_scaling_ends_by"] = end.reason;
  records.back().note +=
      fmt::format("; strong scaling ends (efficiency 0.7) at {} GPUs: {}{}", end.gpus, end.reason, share);
  return records;
}

std::vector<Record> predict_cpu(const Options& options, const Workload& work, const std::vector<Json>& measured) {
  CpuRates rates = options.cpu;
  if (!measured.empty()) rates = fit_cpu(usable(measured, "cpu"), rates);
  if (!(rates.elements_per_s > 0) || !(rates.reduce_bytes_per_s > 0)) {
    throw ConfigError(
        "--ranks: found no rates; expected --measured with runs on more than one rank, or --rate and --bandwidth; give "
        "them");
  }
  const double one = predict_cpu_step(work, 1, rates).step;
  std::vector<Record> records;
  for (const std::int64_t ranks : options.ranks) {
    const CpuStepCost cost = predict_cpu_step(work, ranks, rates);
    Record record = record_of(work, fmt::format("{} ranks", ranks), cost.step, one, ranks);
    record.more["ranks"] = ranks;
    record.more["terms"] = {{"compute", cost.compute}, {"reduce", cost.reduce}};
    records.push_back(record);
  }
  return records;
}

std::vector<Record> predict(const Options& options) {
  require_counts("--gpus", options.gpus);
  require_counts("--ranks", options.ranks);
  require_rate("--latency", options.latency);
  require_rate("--rate", options.cpu.elements_per_s);
  require_rate("--bandwidth", options.cpu.reduce_bytes_per_s);
  require_rate("--reduction-latency", options.cpu.reduce_latency);
  if (options.gpus.empty() == options.ranks.empty()) {
    throw ConfigError("predict: found neither or both of --gpus and --ranks; expected one of them; name counts");
  }
  const std::vector<Json> measured = read_scaling_records(options.measured);
  Workload work;
  if (options.preset.empty() && !measured.empty()) {
    work = measured_workload(measured.front());
  } else {
    work = workload_of(options.preset.empty() ? "k400" : options.preset);
  }
  work.batch = options.batch.value_or(work.batch);
  return options.ranks.empty() ? predict_gpus(options, work, measured) : predict_cpu(options, work, measured);
}

}  // namespace

void add_predict(CLI::App& program, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "predict", "no measurement: what a cost model says of GPUs, or of CPU ranks of a host, that are not there");
  command
      ->add_option("--preset", options->preset,
                   "what is trained: hmdb51, k400 or ssv2; default what was --measured, else k400")
      ->type_name("NAME");
  command->add_option("--gpus", options->gpus, "numbers of GPUs, 8 a node")->delimiter(',')->type_name("N,N");
  command->add_option("--ranks", options->ranks, "in place of GPUs: numbers of CPU ranks of one host")
      ->delimiter(',')
      ->type_name("N,N");
  command->add_option("--batch-size", options->batch, "samples a step, over all ranks; default 384, or as --measured")
      ->transform(whole_number(std::int64_t{1}, kMostCount))
      ->type_name("N");
  command->add_option("--mesh", options->mesh, "data (the default): as training does; best: classes shared out as well")
      ->check(CLI::IsMember({"data", "best"}).description(""))
      ->type_name("NAME");
  command->add_flag("--no-overlap", options->no_overlap, "nothing runs under anything: an upper bound of the time");
  command->add_option("--latency", options->latency, "times every latency of a collective; default 1")->type_name("X");
  command
      ->add_option("--measured", options->measured, "files of dejavid_bench scaling --json, from which rates are taken")
      ->type_name("FILE.json");
  command->add_option("--rate", options->cpu.elements_per_s, "elements a second that a CPU rank searches paths among")
      ->type_name("X");
  command->add_option("--bandwidth", options->cpu.reduce_bytes_per_s, "bytes a second of a sum over CPU ranks")
      ->type_name("X");
  command
      ->add_option("--reduction-latency", options->cpu.reduce_latency,
                   "seconds of a small sum over CPU ranks; default 5e-5")
      ->type_name("S");
  add_json_option(*command, choice);
  command->callback([options, &choice] {
    choice.inputs = options->measured;
    choice.measure = [options](dist::Communicator& /*one*/) { return predict(*options); };
  });
}

}  // namespace alignment::dejavid::bench
