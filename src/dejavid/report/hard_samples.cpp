#include "src/dejavid/report/hard_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "src/dejavid/evaluation/finding.hpp"
#include "src/dejavid/evaluation/sample_alignment.hpp"
#include "src/drawing/alignment_picture.hpp"
#include "src/drawing/ticks.hpp"
#include "src/report/html.hpp"

namespace alignment::dejavid {
namespace {

constexpr double kPictureWidth = 460;

/// The share of the cells that the colours tell apart: costs above the cheapest have few large ones, before which all
/// others look alike.
constexpr double kShown = 0.95;

/// Costs less the cheapest of their row: else what all sample steps have in common hides the path.
std::vector<double> above_cheapest(const ClassAlignment& one, std::size_t length) {
  std::vector<double> above;
  above.reserve(one.cost.size());
  for (std::size_t first = 0; first < one.cost.size(); first += length) {
    const auto row = one.cost.begin() + static_cast<std::ptrdiff_t>(first);
    const double cheapest = *std::min_element(row, row + static_cast<std::ptrdiff_t>(length));
    for (std::size_t n = 0; n < length; ++n) above.push_back(one.cost[first + n] - cheapest);
  }
  return above;
}

struct ShownSample {
  const HardSample& hard;
  std::string id, own_class, rival_class;
  std::int64_t length = 0;
  bool wrong = false;
};

std::string picture_of(const ShownSample& shown, const std::vector<ClassAlignment>& alignments, io::TseStore& store,
                       std::int64_t steps) {
  std::vector<double> seconds;
  if (store.has_timestamps()) seconds = store.read_timestamps(shown.hard.sample);
  drawing::AlignmentPicture picture;
  picture.width = kPictureWidth;
  picture.title = fmt::format("{}: costs and paths of {} and {}", shown.id, shown.own_class, shown.rival_class);
  picture.scale_name = "above the row's cheapest";
  picture.shown = kShown;
  std::array<std::vector<double>, 2> costs;
  for (std::size_t n = 0; n < 2; ++n) {
    const ClassAlignment& one = alignments[n];
    costs[n] = above_cheapest(one, static_cast<std::size_t>(shown.length));
    drawing::MatrixPanel panel{
        .title = n == 0
                     ? fmt::format("{} (its class): {}", shown.own_class, drawing::number_text(shown.hard.own_distance))
                     : fmt::format("{} ({}): {}", shown.rival_class, shown.wrong ? "taken for it" : "nearest other",
                                   drawing::number_text(shown.hard.rival_distance)),
        .rows = {"centroid step", steps, {}, {}},
        .columns = {"step of the sample", shown.length, seconds, {}},
        .values = costs[n],
        .path = {},
        .row_costs = {},
        .row_costs_name = {}};
    for (std::size_t step = 0; step < one.columns.size(); ++step) {
      for (std::int64_t frame = one.columns[step].first; frame <= one.columns[step].last; ++frame) {
        panel.path.push_back({static_cast<std::int64_t>(step), frame});
      }
    }
    picture.panels.push_back(std::move(panel));
  }
  return drawing::svg_element(picture);
}

std::string decisive_features(const ShownSample& shown, const Model& model, std::span<const float> rows,
                              const std::vector<ClassAlignment>& alignments, const FeatureNames& names) {
  constexpr std::size_t kNamed = 5;
  const std::vector<double> own = feature_costs(model, rows, alignments[0]);
  const std::vector<double> rival = feature_costs(model, rows, alignments[1]);
  std::vector<std::size_t> order(own.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return own[a] - rival[a] > own[b] - rival[b]; });
  report::Table table{.caption = fmt::format("Features that speak most for {}", shown.rival_class),
                      .columns = {{"feature"}, {"to its class", true}, {"to the other", true}, {"difference", true}},
                      .rows = {}};
  for (std::size_t n = 0; n < std::min(kNamed, order.size()); ++n) {
    const std::size_t f = order[n];
    const auto cell = [](double value) { return report::number(value, drawing::number_text(value)); };
    table.rows.push_back({report::escaped(names.of(static_cast<std::int64_t>(f))), cell(own[f]), cell(rival[f]),
                          cell(own[f] - rival[f])});
  }
  return report::table(table);
}

}  // namespace

std::string hard_samples_section(const Judgement& judgement, io::TseStore& store, const Model& model,
                                 const FeatureNames& names) {
  const std::vector<HardSample>& hardest = judgement.evaluation.hardest;
  if (hardest.empty()) return "";
  std::string html = report::paragraph(fmt::format(
      "The samples with the largest ratio of the distance to their own class to that to the nearest other one, the "
      "largest first. The pictures show what each centroid step would cost at each step of the sample, above the "
      "cheapest of its row, and the cheapest path; its whole cost is the distance. Where the path is bright, the "
      "sample does not run as the class does. The two pictures of a sample share a scale that holds {:.0f} % of their "
      "cells; what lies above has the colour of its end.",
      100 * kShown));
  for (const HardSample& hard : hardest) {
    const std::int32_t label = store.label(hard.sample);
    const auto name = [&](std::int32_t c) { return judgement.class_names[static_cast<std::size_t>(c)]; };
    const bool wrong =
        hard.rival_distance < hard.own_distance || (hard.rival_distance == hard.own_distance && hard.rival < label);
    const ShownSample shown{hard, store.id(hard.sample), name(label), name(hard.rival), store.length(hard.sample),
                            wrong};
    const std::vector<float> rows = rows_of(store, hard.sample, model);
    const std::array<std::int32_t, 2> classes{label, hard.rival};
    const std::vector<ClassAlignment> alignments = align_sample(model, rows, classes);
    html += report::subheading(
        fmt::format("{}: {}", shown.id,
                    wrong ? fmt::format("{} taken for {}", shown.own_class, shown.rival_class)
                          : fmt::format("{}, rightly; the nearest other is {}", shown.own_class, shown.rival_class)));
    const std::string facts = report::paragraph(fmt::format(
        "Distance to {}, its class: {}. To {}: {}. The first is {} times the second.", report::escaped(shown.own_class),
        report::number(hard.own_distance, drawing::number_text(hard.own_distance)), report::escaped(shown.rival_class),
        report::number(hard.rival_distance, drawing::number_text(hard.rival_distance)),
        report::number(hard.ratio(), fmt::format("{:.3f}", hard.ratio()))));
    html += report::beside({picture_of(shown, alignments, store, model.steps),
                            facts + decisive_features(shown, model, rows, alignments, names)});
  }
  return html;
}

}  // namespace alignment::dejavid
