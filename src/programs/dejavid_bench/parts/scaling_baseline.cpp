#include "src/programs/dejavid_bench/parts/scaling_baseline.hpp"

#include <fmt/format.h>

#include <fstream>

#include "src/config/error.hpp"

namespace alignment::dejavid::bench {
namespace {

using Json = nlohmann::ordered_json;

/// What two runs must share to be compared. With a fixed batch its size belongs to it; where it grows with the ranks, a
/// rank's part does.
Json what_was_run(const Json& record) {
  Json what;
  for (const char* name : {"mode", "variant", "threads", "samples_a_rank", "path_precision", "gradient_precision"}) {
    what[name] = record.at(name);
  }
  what["shape"] = record.at("shape");
  what["batch"] = record.at("mode") == "strong" ? record.at("batch") : Json();
  if (record.at("mode") == "strong") what["samples_a_rank"] = nullptr;
  what["shape"]["B"] = nullptr;
  return what;
}

}  // namespace

std::vector<Json> read_scaling_records(const std::vector<std::filesystem::path>& files) {
  std::vector<Json> records;
  for (const std::filesystem::path& file : files) {
    const std::size_t before = records.size();
    try {
      std::ifstream input(file);
      if (!input) throw std::runtime_error("cannot be read");
      const Json document = Json::parse(input);
      for (const Json& record : document.at("records")) {
        if (record.at("part") != "scaling") continue;
        static_cast<void>(what_was_run(record));
        for (const char* name : {"ranks", "hosts", "ranks_a_host", "samples_per_s"}) {
          if (!record.at(name).is_number()) throw std::runtime_error(fmt::format("{} is no number", name));
          if (!(record.at(name).get<double>() > 0)) throw std::runtime_error(fmt::format("{} is not positive", name));
        }
        static_cast<void>(record.at("disturbed"));
        records.push_back(record);
      }
      if (records.size() == before) throw std::runtime_error("it has others");
    } catch (const std::exception& error) {
      throw ConfigError(
          fmt::format("{}: found no records of scaling ({}); expected what dejavid_bench scaling --json has written; "
                      "name such a file",
                      file.string(), error.what()));
    }
  }
  return records;
}

Baselines find_baselines(const std::vector<Json>& records, const Json& run) {
  Baselines found;
  for (const Json& record : records) {
    if (what_was_run(record) != what_was_run(run) || !record.at("disturbed").is_null()) continue;
    if (record.at("ranks") == 1) found.one_rank = record;
    if (record.at("hosts") != 1 || record.at("ranks_a_host") != run.at("ranks_a_host")) continue;
    if (!found.one_host || record.at("ranks") > found.one_host->at("ranks")) found.one_host = record;
  }
  return found;
}

double efficiency_of(const Json& run, const Json& baseline) {
  const auto a_rank = [](const Json& record) {
    return record.at("samples_per_s").get<double>() / record.at("ranks").get<double>();
  };
  return a_rank(run) / a_rank(baseline);
}

}  // namespace alignment::dejavid::bench
