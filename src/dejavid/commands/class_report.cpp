#include "src/dejavid/commands/class_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"

namespace alignment::dejavid {
namespace {

struct ClassAccuracy {
  std::int64_t samples = 0, correct = 0;
  [[nodiscard]] double fraction() const { return static_cast<double>(correct) / static_cast<double>(samples); }
};

ClassAccuracy accuracy_of(std::span<const std::int64_t> confusion, std::size_t label, std::size_t classes) {
  ClassAccuracy accuracy;
  for (std::size_t c = 0; c < classes; ++c) accuracy.samples += confusion[label * classes + c];
  accuracy.correct = confusion[label * classes + label];
  return accuracy;
}

}  // namespace

LeftOut::LeftOut(const io::TseStore& store, const std::vector<std::int64_t>& all,
                 const std::function<bool(std::int64_t sample)>& is_judged) {
  for (const std::int64_t sample : all) {
    if (is_judged(sample)) continue;
    ++samples;
    const std::string& name = store.class_name(sample);
    if (name.empty())
      ++unlabelled;
    else
      ++unknown[name];
  }
}

std::string LeftOut::text(std::string_view which) const {
  io::FirstFew names;
  for (const auto& [name, count] : unknown) names.add(fmt::format("{} {}", io::printable(name), count));
  std::string text;
  if (samples > unlabelled) text = fmt::format("{} {} ({})", samples - unlabelled, which, names.text());
  if (unlabelled > 0) text += fmt::format("{}{} without a label", text.empty() ? "" : " and ", unlabelled);
  return text;
}

nlohmann::ordered_json json_of(const LeftOut& left_out) {
  nlohmann::ordered_json json{{"unlabelled", left_out.unlabelled},
                              {"unknown_classes", nlohmann::ordered_json::object()}};
  for (const auto& [name, count] : left_out.unknown) json["unknown_classes"][name] = count;
  return json;
}

std::string text_of_classes(std::span<const std::int64_t> confusion, const std::vector<std::string>& class_names) {
  std::string text;
  for (std::size_t label = 0; label < class_names.size(); ++label) {
    const ClassAccuracy accuracy = accuracy_of(confusion, label, class_names.size());
    if (accuracy.samples == 0) continue;
    text += fmt::format("  {:<32} {:>7} samples  {:.4f}\n", io::printable(class_names[label]), accuracy.samples,
                        accuracy.fraction());
  }
  return text;
}

void add_classes(std::span<const std::int64_t> confusion, const std::vector<std::string>& class_names,
                 nlohmann::ordered_json& json) {
  const std::size_t classes = class_names.size();
  json["per_class"] = nlohmann::ordered_json::array();
  json["confusion"] = nlohmann::ordered_json::array();
  for (std::size_t label = 0; label < classes; ++label) {
    const ClassAccuracy accuracy = accuracy_of(confusion, label, classes);
    nlohmann::ordered_json row{{"class", class_names[label]}, {"samples", accuracy.samples}, {"accuracy", nullptr}};
    if (accuracy.samples > 0) row["accuracy"] = accuracy.fraction();
    json["per_class"].push_back(row);
    const auto first = confusion.begin() + static_cast<std::ptrdiff_t>(label * classes);
    json["confusion"].push_back(std::vector<std::int64_t>(first, first + static_cast<std::ptrdiff_t>(classes)));
  }
}

}  // namespace alignment::dejavid
