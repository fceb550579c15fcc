#include "src/programs/dejavid_bench/record.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "dist/topology.hpp"
#include "kernels/variants.hpp"
#include "src/run/library_versions.hpp"
#include "src/run/machine.hpp"
#include "src/run/threads.hpp"

namespace dejavid::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kGiga = 1e9;

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
  json["C"] = shape.classes;
  json["K"] = shape.steps;
  json["F"] = shape.features;
  json["T"] = shape.length;
  json["B"] = shape.samples;
  return json;
}

}  // namespace

std::string to_string(const Shape& shape) {
  const std::string extents = fmt::format("C={} K={} F={} T={:.4g} B={}", shape.classes, shape.steps, shape.features,
                                          shape.length, shape.samples);
  return shape.name.empty() ? extents : fmt::format("{} ({})", shape.name, extents);
}

std::optional<double> Record::share_of_roof() const {
  if (!roof) return std::nullopt;
  return visited_elements.value_or(elements) / seconds / *roof;
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
  if (record.samples_per_s) json["samples_per_s"] = *record.samples_per_s;
  for (const auto& [name, seconds] : record.phases) json["phases"][name] = seconds;
  if (record.peak_bytes) json["peak_bytes"] = *record.peak_bytes;
  if (record.device_peak_bytes) json["device_peak_bytes"] = *record.device_peak_bytes;
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
                         record.elements_per_s() / kGiga, share ? fmt::format("{:.1f} %", *share * 100) : "",
                         fmt::format("{:.1f} %", record.spread * 100));
    if (record.samples_per_s) {
      table += fmt::format("  {:.4g} samples/s, {:.0f} MiB at most; seconds:", *record.samples_per_s,
                           static_cast<double>(record.peak_bytes.value_or(0)) / (1U << 20U));
      for (const auto& [name, seconds] : record.phases) table += fmt::format(" {} {:.4g}", name, seconds);
      table += '\n';
    }
  }
  return table;
}

}  // namespace dejavid::bench
