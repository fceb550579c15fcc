#include "src/programs/dejavid_bench/parts/parts.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "src/config/error.hpp"
#include "src/job/environment/threads.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/signals/signals.hpp"
#include "src/programs/dejavid_bench/problems/gpu_kernels.hpp"

namespace alignment::dejavid::bench {
namespace {

std::int64_t core_count() {
  return static_cast<std::int64_t>(affinity_cores().size());
}

}  // namespace

void require_threads(std::int64_t threads) {
  if (threads < 1 || threads > core_count()) {
    throw ConfigError(
        fmt::format("--threads: found {}; expected 1 to {}, the cores that this process may use; ask for fewer, or "
                    "start it with more cores",
                    threads, core_count()));
  }
}

int chosen_threads(std::optional<std::int64_t> asked) {
  if (asked) require_threads(*asked);
  return static_cast<int>(asked.value_or(core_count()));
}

bool takes_gpu(const std::string& device) {
  if (device == "cuda" && !has_gpu()) {
    throw ConfigError(
        "--device: found \"cuda\", but no GPU, or a build without CUDA; expected \"cpu\"; see dejavid_dist doctor");
  }
  return device != "cpu" && has_gpu();
}

void stop_if_asked() {
  if (stop_requested()) throw std::runtime_error("stopped by a signal; nothing was recorded");
}

void add_patience_options(CLI::App& subcommand, Patience& patience) {
  subcommand.add_option("--repeats", patience.repeats, "measurements, whose median counts; default 5")
      ->transform(whole_number(std::int64_t{1}, kMostCount))
      ->type_name("N");
  subcommand
      .add_option("--seconds", patience.seconds,
                  "the least that a measurement takes, flushing of caches included; default 0.2")
      ->check(CLI::Range(0.0, 3600.0).description(""))
      ->type_name("S");
}

void add_json_option(CLI::App& subcommand, Choice& choice) {
  subcommand.add_option("--json", choice.json_file, "also write machine and records to this file; replaces it")
      ->type_name("FILE");
}

}  // namespace alignment::dejavid::bench
