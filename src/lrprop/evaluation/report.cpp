#include "src/lrprop/evaluation/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>

namespace alignment::lrprop {
namespace {

using Json = nlohmann::ordered_json;
using Number = Metrics::Number;

Json json_of(const Number& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json json_of(const std::optional<Spread>& spread) {
  return spread ? Json{{"mean", spread->mean}, {"sd", spread->deviation}} : Json(nullptr);
}

/// {"0.05": ..., "1": ...}.
template <typename Key, typename Value>
Json json_by(const std::vector<Key>& keys, const std::vector<Value>& values) {
  Json json = Json::object();
  for (std::size_t n = 0; n < keys.size(); ++n) json[fmt::format("{}", keys[n])] = json_of(values[n]);
  return json;
}

/// Whether there is anything in it.
template <typename Value>
bool any(const std::vector<std::optional<Value>>& values) {
  return std::any_of(values.begin(), values.end(), [](const auto& value) { return value.has_value(); });
}

void add_metrics(const Metrics& metrics, const EvaluationResult& result, Json& json) {
  json["svm_rbf"] = json_by(result.fractions, metrics.svm_rbf);
  json["logreg"] = json_by(result.fractions, metrics.logreg);
  if (any(metrics.svm_rbf_subsets)) json["svm_rbf_subsets"] = json_by(result.fractions, metrics.svm_rbf_subsets);
  if (any(metrics.logreg_subsets)) json["logreg_subsets"] = json_by(result.fractions, metrics.logreg_subsets);
  json["progress"] = json_of(metrics.progress);
  json["progress_columns"] = nullptr;
  if (!metrics.progress_columns.empty()) {
    json["progress_columns"] = Json::array();
    for (const Number& column : metrics.progress_columns) json["progress_columns"].push_back(json_of(column));
  }
  json["ap"] = json_by(result.k, metrics.ap);
  json["tau_b"] = json_of(metrics.tau_b);
  json["tau_dropped"] = json_of(metrics.tau_dropped);
  json["tau_b_zero"] = json_of(metrics.tau_b_zero);
  json["dtw_accuracy"] = json_of(metrics.dtw_accuracy);
}

Json json_of(const EvaluationResult& result) {
  Json json;
  add_metrics(result.metrics, result, json);
  json["stride"] = result.stride;
  json["dtw_stride"] = result.dtw_stride;
  json["svm_frames"] = result.svm_frames;
  json["split"] = result.split;
  json["videos"] = result.videos();
  json["frames"] = result.frames();
  json["actions"] = Json::array();
  for (const ActionResult& action : result.actions) {
    Json one{{"name", action.name},
             {"train_videos", action.train_videos},
             {"train_frames", action.train_frames},
             {"videos", action.videos},
             {"frames", action.frames},
             {"phases", action.phases}};
    if (result.actions.size() > 1) add_metrics(action.metrics, result, one);
    json["actions"].push_back(std::move(one));
  }
  json["notes"] = result.notes;
  return json;
}

std::string cell(const Number& number) {
  return number ? fmt::format("{:.4f}", *number) : "-";
}

std::string cell(const std::optional<Spread>& spread) {
  return spread ? fmt::format("{:.4f} +-{:.4f}", spread->mean, spread->deviation) : "-";
}

/// Rows of cells, the first as wide as it must be and to the left, the others to the right.
class Table {
 public:
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths;
    for (const std::vector<std::string>& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (std::size_t n = 0; n < row.size(); ++n) widths[n] = std::max(widths[n], row[n].size());
    }
    std::string text;
    for (const std::vector<std::string>& row : rows_) {
      for (std::size_t n = 0; n < row.size(); ++n) {
        text += n == 0 ? fmt::format("{:<{}}", row[n], widths[n]) : fmt::format("  {:>{}}", row[n], widths[n]);
      }
      text += "\n";
    }
    return text;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// A row of every result's number that `number(Metrics)` takes.
template <typename Take>
void add_row(const std::string& name, const std::vector<EvaluationResult>& results, Table& table, Take&& number) {
  std::vector<std::string> cells{name};
  for (const EvaluationResult& result : results) cells.push_back(cell(number(result.metrics)));
  table.add(std::move(cells));
}

/// Rows of what there is for each fraction.
template <typename Value>
void add_fraction_rows(const std::string& name, const std::vector<EvaluationResult>& results,
                       std::vector<std::optional<Value>> Metrics::*values, Table& table) {
  const std::vector<double>& fractions = results.front().fractions;
  for (std::size_t n = 0; n < fractions.size(); ++n) {
    add_row(fmt::format("{} {:g} %", name, 100 * fractions[n]), results, table,
            [&](const Metrics& metrics) { return (metrics.*values)[n]; });
  }
}

std::string numbers(const std::vector<EvaluationResult>& results) {
  Table table;
  std::vector<std::string> names{""};
  for (const EvaluationResult& result : results) names.push_back(result.name);
  table.add(names);
  add_fraction_rows("SVM (RBF)", results, &Metrics::svm_rbf, table);
  add_fraction_rows("logistic regression", results, &Metrics::logreg, table);
  const Metrics& first = results.front().metrics;
  if (any(first.svm_rbf_subsets)) add_fraction_rows("SVM, subsets", results, &Metrics::svm_rbf_subsets, table);
  if (any(first.logreg_subsets)) add_fraction_rows("logistic, subsets", results, &Metrics::logreg_subsets, table);
  add_row("progress (R^2)", results, table, [](const Metrics& metrics) { return metrics.progress; });
  for (std::size_t n = 0; n < results.front().k.size(); ++n) {
    add_row(fmt::format("AP@{}", results.front().k[n]), results, table,
            [&](const Metrics& metrics) { return metrics.ap[n]; });
  }
  add_row("tau-b", results, table, [](const Metrics& metrics) { return metrics.tau_b; });
  add_row("tau-b, dropped pairs as 0", results, table, [](const Metrics& metrics) { return metrics.tau_b_zero; });
  add_row("dropped pairs", results, table, [](const Metrics& metrics) { return metrics.tau_dropped; });
  add_row("DTW accuracy", results, table, [](const Metrics& metrics) { return metrics.dtw_accuracy; });
  return table.text();
}

/// The first result, a row an action, at the largest fraction.
std::string by_action(const EvaluationResult& result) {
  Table table;
  std::vector<std::string> names{"action", "videos"};
  const auto largest = std::max_element(result.fractions.begin(), result.fractions.end());
  const auto place = static_cast<std::size_t>(largest - result.fractions.begin());
  if (!result.fractions.empty()) {
    names.insert(names.end(),
                 {fmt::format("SVM {:g} %", 100 * *largest), fmt::format("logistic {:g} %", 100 * *largest)});
  }
  names.emplace_back("progress");
  for (const std::int64_t k : result.k) names.push_back(fmt::format("AP@{}", k));
  names.insert(names.end(), {"tau-b", "dropped", "DTW acc."});
  table.add(names);
  for (const ActionResult& action : result.actions) {
    const Metrics& metrics = action.metrics;
    std::vector<std::string> cells{action.name, std::to_string(action.videos)};
    if (!result.fractions.empty()) {
      cells.push_back(cell(metrics.svm_rbf[place]));
      cells.push_back(cell(metrics.logreg[place]));
    }
    cells.push_back(cell(metrics.progress));
    for (const Number& number : metrics.ap) cells.push_back(cell(number));
    cells.insert(cells.end(), {cell(metrics.tau_b), cell(metrics.tau_dropped), cell(metrics.dtw_accuracy)});
    table.add(std::move(cells));
  }
  return table.text();
}

/// The first notes of all results, each once: with many actions there can be some of each.
std::string notes(const std::vector<EvaluationResult>& results) {
  constexpr std::size_t kShown = 12;
  std::vector<std::string> shown;
  std::string text;
  for (const EvaluationResult& result : results) {
    for (const std::string& note : result.notes) {
      if (std::find(shown.begin(), shown.end(), note) != shown.end()) continue;
      shown.push_back(note);
      if (shown.size() > kShown) continue;
      text += &result == &results.front() ? fmt::format("note: {}\n", note)
                                          : fmt::format("note: {}: {}\n", result.name, note);
    }
  }
  if (shown.size() > kShown) text += fmt::format("and {} notes more, which --json has\n", shown.size() - kShown);
  return text;
}

}  // namespace

Json to_json(const std::vector<EvaluationResult>& results) {
  Json json = json_of(results.front());
  if (results.size() > 1) {
    json["baselines"] = Json::object();
    for (std::size_t n = 1; n < results.size(); ++n) json["baselines"][results[n].name] = json_of(results[n]);
  }
  return json;
}

std::string table(const std::vector<EvaluationResult>& results) {
  const EvaluationResult& first = results.front();
  std::string text = fmt::format("{} {} videos, {} frames that count; stride {}, of DTW {}\n", first.videos(),
                                 first.split, first.frames(), first.stride, first.dtw_stride);
  text += numbers(results);
  if (first.actions.size() > 1) text += fmt::format("\n{}", by_action(first));
  return text + notes(results);
}

}  // namespace alignment::lrprop
