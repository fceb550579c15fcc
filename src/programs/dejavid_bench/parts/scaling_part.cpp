// Steps of training on as many ranks as a launcher has started: what they take, of what, and what another number of
// ranks takes of the same.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>

#include "dist/text.hpp"
#include "kernels/variants.hpp"
#include "src/config/error.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/threads.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/parts/scaling_baseline.hpp"
#include "src/programs/dejavid_bench/problems/gpu_kernels.hpp"
#include "src/programs/dejavid_bench/problems/training_problem.hpp"
#include "src/training/phases.hpp"
#include "src/training/samples/schedule.hpp"
#include "src/training/step_guard.hpp"

namespace alignment::dejavid::bench {
namespace {

using Json = nlohmann::ordered_json;
using Phases = std::array<double, kPhaseNames.size()>;

struct Options : TrainingOptions {
  std::string mode = "strong";
  std::int64_t rounds = 5;
  std::vector<std::filesystem::path> baselines;
};

/// What every rank does in a step.
struct Work {
  std::vector<std::vector<std::int64_t>> batches;  ///< this rank's
  std::vector<std::int64_t> global;                ///< samples of each over all ranks that add up their gradients
  GradientSum sum = GradientSum::kOverRanks;
};

/// A pass over the batches.
struct Round {
  double seconds = 0;  ///< of a step, by the slowest rank
  Phases phases{};     ///< of a step, this rank's
  double first_loss = 0, last_loss = 0;
};

/// strong: one batch shared by all. weak: every rank a whole batch of the same samples, so that losses are those of one
/// rank. many: the same, and every rank a training of its own.
Work work_of(const std::string& mode, const Config& config, const io::TseStore& store, std::int64_t group,
             const dist::Communicator& communicator) {
  const std::vector<std::int64_t> samples = store.samples_of(io::Split::kTrain);
  const std::vector<std::int64_t> order = epoch_order(samples, true, static_cast<std::uint64_t>(config.train.seed), 0);
  Work work;
  work.batches = cut_batches(order, config.train.batch_size);
  for (const std::vector<std::int64_t>& batch : work.batches) {
    work.global.push_back(static_cast<std::int64_t>(batch.size()) * (mode == "weak" ? communicator.size().value : 1));
  }
  if (mode == "strong") {
    work.batches = rank_batches(
        order, [&](std::int64_t sample) { return store.length(sample); },
        {config.train.batch_size, group, communicator.size()}, 0, communicator.rank());
  }
  if (mode == "many") work.sum = GradientSum::kOfThisRank;
  return work;
}

/// Takes the steps that training takes, with its agreements.
class Stepper {
 public:
  Stepper(const Config& config, dist::Communicator& communicator, TrainingProblem& problem, GradientSum sum)
      : config_(config),
        communicator_(communicator),
        model_(problem.model),
        engine_(problem.device->make_engine(problem.dataset, problem.model, phases_, sum)) {}

  [[nodiscard]] std::int64_t group() const { return engine_->samples_kept_together(); }

  [[nodiscard]] Round run(const Work& work) {
    engine_->set_frozen(model_);
    const Phases before = phases_.seconds();
    agreed(communicator_, [&] { engine_->start_epoch(work.batches); });
    StepGuard guard(communicator_, engine_->steps_between_agreements());
    const auto steps = static_cast<std::int64_t>(work.batches.size());
    communicator_.barrier();
    Round round;
    round.seconds = seconds_of([&] {
      for (std::int64_t k = 0; k < steps; ++k) {
        guard.attempt([&] { engine_->compute(work.global[static_cast<std::size_t>(k)]); });
        const bool due = guard.due();
        if ((due || k + 1 == steps) && guard.agree_to_stop()) agreed(communicator_, stop_if_asked);
        if (!guard.open()) continue;  // what went wrong is told at the next agreement
        const double lr = config_.train.lr;
        engine_->apply({lr * config_.train.centroid_lr_ratio, lr, config_.train.weight_decay, ++step_});
      }
      losses(work, round);
    });
    round.seconds = largest_of_ranks(round.seconds, communicator_) / static_cast<double>(steps);
    for (std::size_t phase = 0; phase < before.size(); ++phase) {
      round.phases[phase] = (phases_.seconds()[phase] - before[phase]) / static_cast<double>(steps);
    }
    return round;
  }

 private:
  void losses(const Work& work, Round& round) {
    const std::vector<StepTotals> totals = engine_->collect();  // waits for them
    std::array<double, 2> sums{totals.front().sums.front(), totals.back().sums.front()};
    if (work.sum == GradientSum::kOverRanks) communicator_.all_reduce(std::span<double>(sums), dist::Reduction::kSum);
    round.first_loss = sums[0] / static_cast<double>(work.global.front());
    round.last_loss = sums[1] / static_cast<double>(work.global.back());
  }

  const Config& config_;
  dist::Communicator& communicator_;
  const Model& model_;
  PhaseClock phases_;
  std::unique_ptr<Engine> engine_;
  std::int64_t step_ = 0;
};

/// The machine that this rank is on, whatever its host is called: hosts in containers may be one machine.
std::string machine_identity() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string identity;
  file >> identity;
  return identity.empty() ? "unknown" : identity;
}

/// Where ranks stand.
struct Places {
  std::int64_t hosts = 0, ranks_a_host = 0;  ///< the most
  std::string shared_cores;                  ///< why threads are in each other's way; empty where they are not
};

/// Collective. Rank 0's.
Places find_places(int threads, dist::Communicator& communicator) {
  std::ostringstream mine;
  mine << machine_identity() << ' ' << communicator.topology().host << ' ' << threads;
  for (const std::int32_t core : affinity_cores()) mine << ' ' << core;
  struct Machine {
    std::set<std::int32_t> cores;
    std::int64_t threads = 0;
  };
  std::map<std::string, Machine> machines;
  std::map<std::string, std::int64_t> hosts;
  for (const std::string& text : dist::gather_text(communicator, mine.str())) {
    std::istringstream words(text);
    std::string machine, host;
    std::int64_t count = 0;
    words >> machine >> host >> count;
    machines[machine].threads += count;
    for (std::int32_t core = 0; words >> core;) machines[machine].cores.insert(core);
    ++hosts[host];
  }
  Places places;
  places.hosts = static_cast<std::int64_t>(hosts.size());
  for (const auto& [host, ranks] : hosts) places.ranks_a_host = std::max(places.ranks_a_host, ranks);
  for (const auto& [name, machine] : machines) {
    const auto cores = static_cast<std::int64_t>(machine.cores.size());
    if (machine.threads <= cores) continue;
    places.shared_cores = fmt::format("{} threads share {} cores of a machine", machine.threads, cores);
  }
  return places;
}

Json phases_json(const Phases& phases) {
  Json json;
  for (std::size_t phase = 0; phase < phases.size(); ++phase) {
    if (static_cast<Phase>(phase) != Phase::kEvaluate) json[std::string(kPhaseNames[phase])] = phases[phase];
  }
  return json;
}

/// A step's phases: of the rank that worked longest, and the mean of all. Waiting for others is in the reduction.
struct PhasesOfRanks {
  Phases slowest{}, mean{};
};

/// Collective. Rank 0's.
PhasesOfRanks gather_phases(const Phases& mine, dist::Communicator& communicator) {
  const std::vector<double> all = communicator.gather(std::span<const double>(mine));
  PhasesOfRanks found;
  double longest = -1;
  for (std::size_t first = 0; first < all.size(); first += mine.size()) {
    double work = 0;
    for (std::size_t phase = 0; phase < mine.size(); ++phase) {
      found.mean[phase] += all[first + phase] / communicator.size().value;
      if (static_cast<Phase>(phase) != Phase::kReduce) work += all[first + phase];
    }
    if (work <= longest) continue;
    longest = work;
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(first), mine.size(), found.slowest.begin());
  }
  return found;
}

/// Least, median and most of T.
Json distribution(const io::TseStore& store) {
  std::vector<std::int64_t> lengths;
  for (const std::int64_t sample : store.samples_of(io::Split::kTrain)) lengths.push_back(store.length(sample));
  std::sort(lengths.begin(), lengths.end());
  double sum = 0, squares = 0;
  for (const std::int64_t length : lengths) {
    sum += static_cast<double>(length);
    squares += static_cast<double>(length) * static_cast<double>(length);
  }
  const double mean = sum / static_cast<double>(lengths.size());
  const double variance = squares / static_cast<double>(lengths.size()) - mean * mean;
  return {{"least", lengths.front()},
          {"median", lengths[lengths.size() / 2]},
          {"most", lengths.back()},
          {"mean", mean},
          {"variation", std::sqrt(std::max(0.0, variance)) / mean}};
}

/// Median and spread of rounds' steps.
Summary summary_of(const std::vector<Round>& rounds) {
  std::vector<double> seconds;
  seconds.reserve(rounds.size());
  for (const Round& round : rounds) seconds.push_back(round.seconds);
  return summarize(seconds);
}

Phases median_phases(std::vector<Round> rounds) {
  const auto middle = rounds.begin() + (static_cast<std::ptrdiff_t>(rounds.size()) - 1) / 2;
  std::nth_element(rounds.begin(), middle, rounds.end(),
                   [](const Round& one, const Round& other) { return one.seconds < other.seconds; });
  return middle->phases;
}

struct Measured {
  std::vector<Round> rounds;  ///< the first of which is left out
  Round first;
  double roof = 0, roof_spread = 0;  ///< of all ranks at once; (most - least) / median
  double balance = 1;
};

/// Collective.
Measured measure_steps(const Options& options, const Config& config, dist::Communicator& communicator,
                       TrainingProblem& problem, bool with_sum) {
  Measured measured;
  const GradientSum sum = options.mode == "many" || !with_sum ? GradientSum::kOfThisRank : GradientSum::kOverRanks;
  Stepper stepper(config, communicator, problem, sum);
  const Work work = work_of(options.mode, config, problem.dataset.store, stepper.group(), communicator);
  measured.first = stepper.run(work);  // comes by the features, and by memory
  const RoofMeter roof = roof_of_ranks(*problem.device, problem.threads, communicator);
  std::vector<double> roofs{roof()};
  for (std::int64_t round = 0; round < options.rounds; ++round) {
    measured.rounds.push_back(stepper.run(work));
    roofs.push_back(roof());
  }
  const Summary summary = summarize(roofs);
  measured.roof = summary.seconds;
  measured.roof_spread = summary.spread;
  if (options.mode == "strong") {
    const std::vector<std::int64_t> samples = problem.dataset.store.samples_of(io::Split::kTrain);
    measured.balance = work_balance(epoch_order(samples, true, static_cast<std::uint64_t>(config.train.seed), 0),
                                    [&](std::int64_t sample) { return problem.dataset.store.length(sample); },
                                    {config.train.batch_size, stepper.group(), communicator.size()});
  }
  return measured;
}

/// Collective. Of several, after one that comes by memory and connections.
ReductionTime median_reduction(Device& device, std::int64_t parameters) {
  constexpr int kReductions = 7;
  ReductionTime reduction = device.time_reduction(parameters);
  std::vector<double> seconds;
  for (int k = 0; k < kReductions; ++k) seconds.push_back(device.time_reduction(parameters).seconds);
  reduction.seconds = summarize(std::move(seconds)).seconds;
  return reduction;
}

/// Why the numbers are no measure of how this scales; empty where they are.
std::string find_disturbance(const Places& places, bool gpus_shared, const std::string& sharing,
                             const Measured& measured, const Record& record) {
  constexpr double kMostSpread = 0.25;
  std::vector<std::string> reasons;
  if (!places.shared_cores.empty()) reasons.push_back(places.shared_cores);
  if (gpus_shared) reasons.emplace_back("ranks share a GPU");
  if (sharing.find("nothing to do") != std::string::npos) reasons.push_back("ranks have no work");
  if (measured.roof_spread > kMostSpread) {
    reasons.push_back(
        fmt::format("the roof of the machine's arithmetic moved by {:.0f} % meanwhile", 100 * measured.roof_spread));
  }
  if (record.busy()) reasons.push_back("steps were faster than the machine's roof: it was disturbed");
  if (record.spread > kMostSpread) reasons.push_back(fmt::format("steps vary by {:.0f} %", 100 * record.spread));
  return fmt::format("{}", fmt::join(reasons, "; "));
}

Json or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

std::vector<Record> measure_scaling(const Options& options, dist::Communicator& communicator) {
  install_stop_signals();
  std::vector<Json> earlier;
  agreed(communicator, [&] {
    if (communicator.is_root()) earlier = read_scaling_records(options.baselines);
  });
  std::optional<TemporaryFolder> folder;  // rank 0's
  const Config config = training_config(options, training_store(options, folder, communicator));
  TrainingProblem problem(config, communicator);
  const int ranks = communicator.size().value;
  const Places places = find_places(problem.threads, communicator);

  Measured alone;
  if (ranks > 1 && options.mode != "many") {
    alone = measure_steps(options, config, communicator, problem, false);
  }
  const Measured measured = measure_steps(options, config, communicator, problem, true);
  const ReductionTime reduction = median_reduction(*problem.device, problem.model.element_count());
  const double latency = median_reduction(*problem.device, 1).seconds;
  const PhasesOfRanks phases = gather_phases(median_phases(measured.rounds), communicator);
  std::int64_t peak = problem.device->is_gpu() ? problem.device->peak_bytes() : peak_resident_bytes();
  communicator.all_reduce(std::span(&peak, 1), dist::Reduction::kMax);

  const Summary summary = summary_of(measured.rounds);
  const std::int64_t batch = config.train.batch_size;
  const std::int64_t together = options.mode == "strong" ? batch : batch * ranks;
  Record record;
  record.part = "scaling";
  record.name = fmt::format("{}/{}", options.mode, ranks);
  record.variant = problem.device->is_gpu() ? "cuda" : std::string(kernels::best_variant().name);
  record.shape = training_shape(options, problem);
  record.ranks = ranks;
  record.threads = problem.threads;
  record.seconds = summary.seconds;
  record.spread = summary.spread;
  record.elements =
      static_cast<double>(problem.model.element_count()) * record.shape.length * static_cast<double>(together);
  record.roof = measured.roof;
  if (!problem.device->is_gpu()) {
    record.most_of_roof = config.train.path_precision == PathPrecision::kI8 ? kMostOfRoofOnIntegers : kMostOfRoof;
  }
  record.samples_per_s = static_cast<double>(together) / summary.seconds;
  record.peak_bytes = peak;

  const auto samples = static_cast<std::int64_t>(problem.dataset.store.samples_of(io::Split::kTrain).size());
  const std::int64_t steps = (samples + batch - 1) / batch;
  std::string sharing;
  if (options.mode == "strong") {
    const std::int64_t group = problem.device->is_gpu() ? 1 : gradient_group(batch);
    sharing = describe_sharing({std::min(batch, samples), group, communicator.size()});
  }
  // Where every rank has a GPU of its own, NCCL adds up.
  const bool gpus_shared = problem.device->is_gpu() && problem.device->backend_name() == "mpi";
  const std::string disturbed = find_disturbance(places, gpus_shared, sharing, measured, record);
  std::optional<double> exposed, bus;
  if (!alone.rounds.empty()) {
    exposed = summary.seconds - summary_of(alone.rounds).seconds;
    bus = 2.0 * (ranks - 1) / ranks * static_cast<double>(reduction.bytes) / reduction.seconds;
  }

  Json& more = record.more;
  more = {{"mode", options.mode},
          {"device", problem.device->is_gpu() ? "cuda" : "cpu"},
          {"backend", problem.device->backend_name()},
          {"hosts", places.hosts},
          {"ranks_a_host", places.ranks_a_host},
          {"samples", samples},
          {"batch", together},
          {"samples_a_rank", options.mode == "strong" ? Json() : Json(batch)},
          {"lengths", distribution(problem.dataset.store)},
          {"path_precision", options.path_precision},
          {"gradient_precision", options.gradient_precision},
          {"steps_timed", steps * options.rounds},
          {"steps_left_out", steps},
          {"step_seconds", {{"median", summary.seconds}, {"spread", summary.spread}}},
          {"first_round_step_seconds", measured.first.seconds},
          {"step_seconds_without_reduction", alone.rounds.empty() ? Json() : Json(summary_of(alone.rounds).seconds)},
          {"phases_slowest", phases_json(phases.slowest)},
          {"phases_mean", phases_json(phases.mean)},
          {"exposed_communication", or_null(exposed)},
          {"reduced_bytes", options.mode == "many" || ranks == 1 ? 0 : reduction.bytes},
          {"reduction_seconds", bus ? Json(reduction.seconds) : Json()},
          {"reduction_latency", bus ? Json(latency) : Json()},
          {"bus_gb_per_s", bus ? Json(*bus / 1e9) : Json()},
          {"balance", measured.balance},
          {"first_loss", measured.first.first_loss},
          {"last_loss", measured.rounds.back().last_loss},
          {"disturbed", disturbed.empty() ? Json() : Json(disturbed)},
          {"efficiency", nullptr},
          {"efficiency_of_hosts", nullptr}};
  record.note = disturbed.empty() ? "" : fmt::format("no efficiency: {}", disturbed);
  if (communicator.is_root() && disturbed.empty()) {
    Json run = to_json(record);
    const Baselines baselines = find_baselines(earlier, run);
    if (ranks == 1) {
      more["efficiency"] = 1.0;
    } else if (baselines.one_rank) {
      more["efficiency"] = efficiency_of(run, *baselines.one_rank);
      record.note = fmt::format("efficiency {:.3f}", more["efficiency"].get<double>());
    }
    if (baselines.one_host && places.hosts > 1) more["efficiency_of_hosts"] = efficiency_of(run, *baselines.one_host);
  }
  if (!sharing.empty() && communicator.is_root()) log_warning(sharing);
  return {record};
}

}  // namespace

void add_scaling(CLI::App& program, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "scaling", "steps of training on the ranks that a launcher has started; on several hosts give a --store");
  command
      ->add_option(
          "--mode", options->mode,
          "strong (the default): a batch shared by all ranks; weak: a batch for each; many: a training for each")
      ->check(CLI::IsMember({"strong", "weak", "many"}).description(""))
      ->type_name("NAME");
  add_training_options(*command, *options);
  add_count_option(*command, "--rounds", options->rounds,
                   "passes over the samples to time, after a first one; default 5", "N");
  command
      ->add_option("--baseline", options->baselines,
                   "earlier --json files, for efficiency against one rank and one host")
      ->type_name("FILE.json");
  add_json_option(*command, choice);
  command->callback([options, &choice] {
    choice.all_ranks = true;
    choice.inputs = options->baselines;
    choice.inputs.push_back(options->store);
    choice.measure = [options](dist::Communicator& communicator) { return measure_scaling(*options, communicator); };
  });
}

}  // namespace alignment::dejavid::bench
