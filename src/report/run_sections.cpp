#include "src/report/run_sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "src/config/run_layout.hpp"
#include "src/drawing/line_chart.hpp"
#include "src/drawing/ticks.hpp"
#include "src/report/html.hpp"

namespace alignment::report {
namespace {

/// Rows of the table of epochs at most: the first, the last, and others at equal distances.
constexpr std::size_t kMostRows = 60;

/// Every number of the epochs' charts.
std::string table_of_epochs(const RunRecord& run, const std::vector<RunChart>& charts) {
  Table epochs{.caption = "Numbers of the epochs", .columns = {{"epoch", true}}, .rows = {}};
  std::vector<std::map<double, double>> columns;
  for (const RunChart& chart : charts) {
    if (chart.by_step) continue;
    for (const auto& [name, key] : chart.lines) {
      const std::vector<drawing::Point>& points = run.of_epochs(key);
      if (points.empty()) continue;
      epochs.columns.push_back({name.empty() ? chart.title : fmt::format("{}, {}", chart.title, name), true});
      columns.emplace_back();
      for (const drawing::Point point : points) columns.back()[point.x] = point.y;
    }
  }
  std::vector<double> all;
  for (const drawing::Point point : run.of_epochs("epoch")) all.push_back(point.x);
  if (columns.empty() || all.empty()) return "";
  const std::size_t shown = std::min(all.size(), kMostRows);
  for (std::size_t n = 0; n < shown; ++n) {
    const double epoch = all[shown == 1 ? 0 : n * (all.size() - 1) / (shown - 1)];
    std::vector<std::string> row{count(static_cast<std::int64_t>(epoch))};
    for (const std::map<double, double>& column : columns) {
      const auto found = column.find(epoch);
      row.push_back(found == column.end() ? "" : number(found->second, drawing::number_text(found->second)));
    }
    epochs.rows.push_back(std::move(row));
  }
  const std::string what =
      shown < all.size() ? fmt::format("{} of {} epochs", shown, all.size()) : fmt::format("all {} epochs", all.size());
  return folded("The numbers of " + what, table(epochs));
}

}  // namespace

std::string curves(const RunRecord& run, const std::vector<RunChart>& charts) {
  std::vector<std::string> pictures;
  bool long_lines = false;
  for (const RunChart& chart : charts) {
    drawing::LineChart drawn{.title = chart.title, .x_name = chart.by_step ? "step" : "epoch", .series = {}};
    for (const auto& [name, key] : chart.lines) {
      drawn.series.push_back({name, chart.by_step ? run.of_steps(key) : run.of_epochs(key)});
      long_lines = long_lines || drawn.series.back().points.size() > drawing::kMostPoints;
    }
    // Of one point each there is no line to see: the table has them.
    const bool a_line = std::any_of(drawn.series.begin(), drawn.series.end(),
                                    [](const drawing::Series& series) { return series.points.size() > 1; });
    if (a_line) pictures.push_back(svg_element(drawn));
  }
  return beside(pictures) +
         (long_lines ? paragraph(fmt::format("Lines of more than {0} points are drawn as {0} means of neighbours.",
                                             drawing::kMostPoints))
                     : "") +
         table_of_epochs(run, charts);
}

std::string course(const RunRecord& run) {
  std::string text = fmt::format("{} {}, {} {}", count(run.epochs_done), run.epochs_done == 1 ? "epoch" : "epochs",
                                 count(run.steps_done), run.steps_done == 1 ? "step" : "steps");
  if (run.wall_seconds)
    text += fmt::format(", {}", number(*run.wall_seconds, drawing::seconds_text(*run.wall_seconds)));
  if (!run.exit_reason.empty()) text += fmt::format("; how it ended: {}", escaped(run.exit_reason));
  return text;
}

std::string environment(const RunRecord& run) {
  std::string html;
  if (!run.environment.empty()) html += folded("Environment", lines(run.environment, run_layout::kEnvironment));
  if (!run.config.empty()) html += folded("Settings", lines(run.config, run_layout::kConfig));
  return html;
}

}  // namespace alignment::report
