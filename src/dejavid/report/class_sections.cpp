#include "src/dejavid/report/class_sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "src/dejavid/report/model_pictures.hpp"
#include "src/drawing/count_matrix.hpp"
#include "src/report/html.hpp"

namespace alignment::dejavid {
namespace {

struct ClassCounts {
  std::int64_t samples = 0, right = 0;
  std::size_t rival = 0;          ///< what it is most often taken for
  std::int64_t taken_for_it = 0;  ///< how often; 0: never for another class
};

ClassCounts counts_of(const Judgement& judgement, std::size_t label) {
  const std::size_t classes = judgement.class_names.size();
  ClassCounts counts;
  for (std::size_t c = 0; c < classes; ++c) {
    const std::int64_t here = judgement.evaluation.confusion[label * classes + c];
    counts.samples += here;
    if (c == label) {
      counts.right = here;
    } else if (here > counts.taken_for_it) {
      counts.rival = c;
      counts.taken_for_it = here;
    }
  }
  return counts;
}

double accuracy(const ClassCounts& counts) {
  return static_cast<double>(counts.right) / static_cast<double>(counts.samples);
}

struct Pair {
  std::size_t label = 0, prediction = 0;
  std::int64_t samples = 0;
};

/// What was taken for something else, the most frequent first.
std::vector<Pair> confused_pairs(const Judgement& judgement) {
  const std::size_t classes = judgement.class_names.size();
  std::vector<Pair> pairs;
  for (std::size_t n = 0; n < classes * classes; ++n) {
    const std::int64_t samples = judgement.evaluation.confusion[n];
    if (samples > 0 && n / classes != n % classes) pairs.push_back({n / classes, n % classes, samples});
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.samples > b.samples; });
  return pairs;
}

std::string table_of_pairs(const Judgement& judgement, const std::vector<Pair>& pairs, std::size_t first,
                           std::size_t last) {
  report::Table table{.caption = "Most frequent errors",
                      .columns = {{"true class"}, {"taken for"}, {"samples", true}, {"of", true}},
                      .rows = {}};
  for (std::size_t n = first; n < std::min(last, pairs.size()); ++n) {
    const Pair& pair = pairs[n];
    table.rows.push_back({report::escaped(judgement.class_names[pair.label]),
                          report::escaped(judgement.class_names[pair.prediction]), report::count(pair.samples),
                          report::count(counts_of(judgement, pair.label).samples)});
  }
  return report::table(table);
}

std::string table_of_classes(const Judgement& judgement, const std::vector<std::size_t>& order, std::size_t first,
                             std::size_t last) {
  report::Table table{.caption = "Accuracy of each class",
                      .columns = {{"class"}, {"accuracy", true}, {"right", true}, {"most often taken for"}},
                      .rows = {}};
  for (std::size_t n = first; n < std::min(last, order.size()); ++n) {
    const ClassCounts counts = counts_of(judgement, order[n]);
    const bool judged = counts.samples > 0;
    table.rows.push_back(
        {report::escaped(judgement.class_names[order[n]]),
         judged ? fmt::format("{} {}", report::bar(accuracy(counts)), report::percent(accuracy(counts))) : "",
         fmt::format("{} of {}", report::count(counts.right), report::count(counts.samples)),
         counts.taken_for_it == 0 ? ""
                                  : fmt::format("{} ({})", report::escaped(judgement.class_names[counts.rival]),
                                                report::count(counts.taken_for_it))});
  }
  return report::table(table);
}

}  // namespace

std::vector<std::size_t> worst_first(const Judgement& judgement) {
  std::vector<ClassCounts> counts;
  for (std::size_t label = 0; label < judgement.class_names.size(); ++label)
    counts.push_back(counts_of(judgement, label));
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (counts[a].samples == 0 || counts[b].samples == 0) return counts[a].samples > 0 && counts[b].samples == 0;
    const double one = accuracy(counts[a]), other = accuracy(counts[b]);
    return one < other || (one == other && counts[a].samples > counts[b].samples);
  });
  return order;
}

std::string numbers_section(const Judgement& judgement) {
  const Evaluation& evaluation = judgement.evaluation;
  std::vector<report::Tile> tiles{{"top-1", report::percent(evaluation.top1),
                                   fmt::format("of {} {} samples", evaluation.samples, judgement.split.name)}};
  if (tells_top5(judgement.class_names.size()))
    tiles.push_back({"top-5", report::percent(evaluation.top5), "class among the five nearest"});
  tiles.push_back({"loss", report::number(evaluation.loss), "mean over samples"});
  switch (judgement.baseline.kind) {
    case Baseline::Kind::kLogits:
      tiles.push_back({"averaging over time", report::percent(*evaluation.baseline_top1),
                       "top-1 of the mean of the encoder's logits, without alignment"});
      break;
    case Baseline::Kind::kClassMeans:
      tiles.push_back({"averaging over time", report::percent(*evaluation.baseline_top1),
                       "top-1 of the nearest class mean of mean features, without alignment"});
      break;
    case Baseline::Kind::kNone:
      break;
  }
  std::string html = report::tiles(tiles);
  if (judgement.left_out.samples > 0)
    html +=
        report::paragraph(report::escaped(fmt::format("Left out of all numbers: {}.", text_of(judgement.left_out))));
  const std::string part = part_in_choosing(judgement);
  if (!part.empty()) html += report::paragraph(report::escaped(fmt::format("About these samples: {}.", part)));
  return html;
}

std::string errors_section(const Judgement& judgement) {
  constexpr std::size_t kShown = 12, kListed = 50;
  const std::vector<Pair> pairs = confused_pairs(judgement);
  if (pairs.empty()) return report::paragraph("Every sample was predicted rightly.");
  std::string list = table_of_pairs(judgement, pairs, 0, kShown);
  if (pairs.size() > kShown) {
    const std::size_t last = std::min(pairs.size(), kListed);
    list += report::folded(fmt::format("{} more pairs{}", last - kShown,
                                       last < pairs.size() ? fmt::format(", of {} in all", pairs.size()) : ""),
                           table_of_pairs(judgement, pairs, kShown, last));
  }
  std::string html = report::paragraph(
      "Rows are true classes, columns what they were taken for. Grey are samples predicted rightly, orange errors: the "
      "darker, the more.");
  std::string picture =
      drawing::svg_element(drawing::CountMatrix{judgement.class_names, judgement.evaluation.confusion});
  if (judgement.class_names.size() > drawing::kNamedClasses) {
    report::Table numbered{.caption = "Classes by number", .columns = {{"number", true}, {"class"}}, .rows = {}};
    for (std::size_t c = 0; c < judgement.class_names.size(); ++c) {
      numbered.rows.push_back({report::count(static_cast<std::int64_t>(c)), report::escaped(judgement.class_names[c])});
    }
    picture += report::folded("Which class has which number", report::table(numbered));
  }
  return html + report::beside({picture, list});
}

std::string classes_section(const Judgement& judgement) {
  const std::vector<std::size_t> order = worst_first(judgement);
  std::string html = table_of_classes(judgement, order, 0, kOpenClasses);
  if (order.size() > kOpenClasses) {
    html += report::folded(fmt::format("The other {} classes", order.size() - kOpenClasses),
                           table_of_classes(judgement, order, kOpenClasses, order.size()));
  }
  return html;
}

std::string paths_section(const Judgement& judgement) {
  const std::optional<PathSums>& paths = judgement.evaluation.right_paths;
  if (!paths || paths->samples == 0) return "";
  return report::tiles({{"half of the steps on one", report::percent(paths->halves / paths->samples),
                         "paths that spend half of their centroid steps or more on one sample step"},
                        {"most steps on one", report::percent(paths->largest_shares / paths->samples),
                         "of a path's centroid steps, on average"},
                        {"samples", report::count(static_cast<std::int64_t>(paths->samples)),
                         "predicted rightly, whose paths to their classes these are"}}) +
         report::paragraph(
             "Where these shares are large, a class is told by a moment rather than by the order of things.");
}

std::vector<std::string> accuracy_remarks(const Judgement& judgement) {
  std::vector<std::string> remarks;
  for (std::size_t label = 0; label < judgement.class_names.size(); ++label) {
    const ClassCounts counts = counts_of(judgement, label);
    remarks.push_back(counts.samples == 0
                          ? "no samples"
                          : fmt::format("{} of {} right", report::percent(accuracy(counts)), counts.samples));
  }
  return remarks;
}

}  // namespace alignment::dejavid
