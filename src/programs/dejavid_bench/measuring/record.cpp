#include "src/programs/dejavid_bench/measuring/record.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "dist/topology.hpp"
#include "kernels/variants.hpp"
#include "src/job/environment/library_versions.hpp"
#include "src/job/environment/machine.hpp"
#include "src/job/environment/threads.hpp"

namespace alignment::dejavid::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMega = 1e6, kGiga = 1e9;

/// Named as in environment.json.
Json machine() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  Json json = {{"processor", processor_model()},
               {"host", dist::host_name()},
               {"host_cores", std::thread::hardware_concurrency()},
               {"affinity_cores", affinity_cores().size()},
               {"kernel_variant", std::string(kernels::best_variant().name)},
               {"finished_utc", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now))},
               {"command_line", process_command_line()}};
  for (const auto& [name, version] : library_versions()) json["versions"][name] = version;
  return json;
}

Json to_json(const Shape& shape) {
  Json json = Json::object();
  if (!shape.name.empty()) json["name"] = shape.name;
  if (shape.classes > 0) json["C"] = shape.classes;
  if (shape.steps > 0) json["K"] = shape.steps;
  json["F"] = shape.features;
  json["T"] = shape.length;
  json["B"] = shape.samples;
  return json;
}

double megabytes_per_s(const Record& record) {
  return static_cast<double>(*record.bytes) / record.seconds / kMega;
}

/// What only some records have, on a line of its own; or nothing.
std::string details(const Record& record) {
  std::vector<std::string> parts;
  if (record.busy()) parts.push_back("the machine was busy with other work: measure again when it is quiet");
  if (record.samples_per_s) parts.push_back(fmt::format("{:.4g} samples/s", *record.samples_per_s));
  if (record.first_seconds) parts.push_back(fmt::format("first {:.4g} s", *record.first_seconds));
  if (record.predicted_seconds) parts.push_back(fmt::format("{:.4g} s predicted", *record.predicted_seconds));
  if (record.bytes) parts.push_back(fmt::format("{:.4g} MB/s", megabytes_per_s(record)));
  if (record.share_of_raw) parts.push_back(fmt::format("{:.3g} of read() alone", *record.share_of_raw));
  if (record.cached_share)
    parts.push_back(fmt::format("{:.0f} % in the page cache before", *record.cached_share * 100));
  if (record.peak_bytes) {
    parts.push_back(fmt::format("{:.0f} MiB at most", static_cast<double>(*record.peak_bytes) / (1U << 20U)));
  }
  if (record.measured_samples) parts.push_back(fmt::format("from {} samples", *record.measured_samples));
  if (record.times_slower) parts.push_back(fmt::format("{:.4g} times slower than our kernels", *record.times_slower));
  if (!record.note.empty()) parts.push_back(record.note);
  if (parts.empty()) return {};
  std::string line = fmt::format("  {}", fmt::join(parts, ", "));
  if (!record.phases.empty()) line += "; seconds:";
  for (const auto& [name, seconds] : record.phases) line += fmt::format(" {} {:.4g}", name, seconds);
  return line + '\n';
}

}  // namespace

std::string to_string(const Shape& shape) {
  const std::string classes = shape.classes > 0 ? fmt::format("C={} ", shape.classes) : "";
  const std::string steps = shape.steps > 0 ? fmt::format("K={} ", shape.steps) : "";
  const std::string extents =
      fmt::format("{}{}F={} T={:.4g} B={}", classes, steps, shape.features, shape.length, shape.samples);
  return shape.name.empty() ? extents : fmt::format("{} ({})", shape.name, extents);
}

std::optional<double> Record::measured_share() const {
  if (!roof) return std::nullopt;
  return visited_elements.value_or(elements) / seconds / *roof;
}

bool Record::busy() const {
  const auto share = measured_share();
  return share && most_of_roof && !(*share <= *most_of_roof);
}

std::optional<double> Record::share_of_roof() const {
  return busy() ? std::nullopt : measured_share();
}

Record kernel_record(std::string_view operation, std::string_view variant, const Shape& shape, bool along_paths) {
  const double row_elements =
      static_cast<double>(shape.samples) * static_cast<double>(shape.classes) * static_cast<double>(shape.features);
  const auto steps = static_cast<double>(shape.steps);
  Record record;
  record.part = "kernels";
  record.name = fmt::format("{}/{}", operation, variant);
  record.variant = variant;
  record.shape = shape;
  record.elements = row_elements * steps * shape.length;
  if (along_paths) record.visited_elements = row_elements * (steps + shape.length - 1);
  return record;
}

Json to_json(const Record& record) {
  Json json = {{"part", record.part},         {"name", record.name},
               {"variant", record.variant},   {"shape", to_json(record.shape)},
               {"ranks", record.ranks},       {"threads", record.threads},
               {"seconds", record.seconds},   {"spread", record.spread},
               {"elements", record.elements}, {"gelem_per_s", record.elements_per_s() / kGiga}};
  if (record.visited_elements) json["visited_elements"] = *record.visited_elements;
  if (record.roof) json["roof_gelem_per_s"] = *record.roof / kGiga;
  if (const auto share = record.share_of_roof()) json["share_of_roof"] = *share;
  if (record.nominal_roof) json["nominal_roof_gelem_per_s"] = *record.nominal_roof / kGiga;
  if (record.predicted_seconds) json["predicted_seconds"] = *record.predicted_seconds;
  if (record.busy()) json["busy"] = true;
  if (record.samples_per_s) json["samples_per_s"] = *record.samples_per_s;
  if (record.first_seconds) json["first_seconds"] = *record.first_seconds;
  for (const auto& [name, seconds] : record.phases) json["phases"][name] = seconds;
  if (record.peak_bytes) json["peak_bytes"] = *record.peak_bytes;
  if (record.device_peak_bytes) json["device_peak_bytes"] = *record.device_peak_bytes;
  if (record.measured_samples) json["measured_samples"] = *record.measured_samples;
  if (record.times_slower) json["times_slower"] = *record.times_slower;
  if (record.bytes) {
    json["bytes"] = *record.bytes;
    json["mb_per_s"] = megabytes_per_s(record);
  }
  if (record.share_of_raw) json["share_of_raw"] = *record.share_of_raw;
  if (record.cached_share) json["cached_share"] = *record.cached_share;
  json.update(record.more);
  return json;
}

std::string to_document(const std::vector<Record>& records) {
  Json list = Json::array();
  for (const Record& record : records) list.push_back(to_json(record));
  return Json({{"machine", machine()}, {"records", list}}).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_table(const std::vector<Record>& records) {
  std::size_t name_width = 4, shape_width = 5;
  for (const Record& record : records) {
    name_width = std::max(name_width, record.name.size());
    shape_width = std::max(shape_width, to_string(record.shape).size());
  }
  std::string table =
      fmt::format("{:{}}  {:{}}  {:>5}  {:>7}  {:>10}  {:>10}  {:>13}  {:>6}\n", "name", name_width, "shape",
                  shape_width, "ranks", "threads", "seconds", "G elem/s", "share of roof", "spread");
  for (const Record& record : records) {
    const auto share = record.share_of_roof();
    table += fmt::format("{:{}}  {:{}}  {:5}  {:7}  {:10.4g}  {:10.4g}  {:>13}  {:>6}\n", record.name, name_width,
                         to_string(record.shape), shape_width, record.ranks, record.threads, record.seconds,
                         record.elements_per_s() / kGiga,
                         share           ? fmt::format("{:.1f} %", *share * 100)
                         : record.busy() ? "busy"
                                         : "",
                         fmt::format("{:.1f} %", record.spread * 100));
    table += details(record);
  }
  return table;
}

}  // namespace alignment::dejavid::bench
