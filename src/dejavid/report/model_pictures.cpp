#include "src/dejavid/report/model_pictures.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "io/errors.hpp"
#include "src/drawing/matrix.hpp"
#include "src/drawing/signed_cells.hpp"
#include "src/drawing/ticks.hpp"
#include "src/report/html.hpp"
#include "src/report/run_record.hpp"

namespace alignment::dejavid {
namespace {

/// The share of all numbers that the colours tell apart; what lies beyond gets the colour of the end.
constexpr double kShown = 0.995;

/// Less each feature's mean over all classes and centroid steps. [C,K,F]
std::vector<double> centred(const std::vector<float>& numbers, std::size_t width) {
  std::vector<double> means(width), off;
  for (std::size_t n = 0; n < numbers.size(); ++n) means[n % width] += static_cast<double>(numbers[n]);
  for (double& mean : means) mean /= static_cast<double>(numbers.size() / width);
  off.reserve(numbers.size());
  for (std::size_t n = 0; n < numbers.size(); ++n) off.push_back(static_cast<double>(numbers[n]) - means[n % width]);
  return off;
}

/// Centroids less each feature's mean, in its standard deviations: features of unlike units share a scale. [C,K,F]
std::vector<float> standardized_centroids(const Model& model) {
  const auto width = static_cast<std::size_t>(model.feature_dim);
  const std::vector<double> off = centred(model.centroids, width);
  std::vector<double> squares(width);
  for (std::size_t n = 0; n < off.size(); ++n) squares[n % width] += off[n] * off[n];
  std::vector<float> numbers;
  numbers.reserve(off.size());
  for (std::size_t n = 0; n < off.size(); ++n) {
    const double deviation = std::sqrt(squares[n % width] / static_cast<double>(off.size() / width));
    numbers.push_back(deviation > 0 ? static_cast<float>(off[n] / deviation) : 0);
  }
  return numbers;
}

/// Logarithms of the weights, of each as a multiple of its feature's geometric mean: that mean carries the inverse of
/// the feature's unit, and hides what was learned. [C,K,F]
std::vector<float> relative_log_weights(const Model& model) {
  const std::vector<double> off = centred(model.log_weights, static_cast<std::size_t>(model.feature_dim));
  return {off.begin(), off.end()};
}

/// The pictures of one array [C,K,F], all of one scale.
class ClassPictures {
 public:
  ClassPictures(const Model& model, std::span<const float> numbers, const std::vector<std::size_t>& order)
      : steps_(model.steps), pictures_(order.size()) {
    const auto elements = static_cast<std::size_t>(model.steps * model.feature_dim);
    std::vector<double> all;
    for (std::size_t n = 0; n < order.size(); ++n) {
      drawing::Matrix& picture = pictures_[order[n]];
      picture = drawing::strongest_columns(numbers.subspan(order[n] * elements, elements), model.steps,
                                           model.feature_dim, n < kOpenClasses ? kMostColumns : kFoldedColumns);
      all.insert(all.end(), picture.values.begin(), picture.values.end());
    }
    limit_ = drawing::magnitude_quantile(all, kShown);
    if (limit_ == 0) limit_ = drawing::magnitude_quantile(all, 1);
  }

  [[nodiscard]] double limit() const { return limit_; }
  [[nodiscard]] std::string picture(std::size_t label, const std::string& alternative) const {
    const std::int64_t height = std::clamp<std::int64_t>(steps_ * 7, 48, 196);
    return report::cells(drawing::signed_cells(pictures_[label], limit_), height, alternative);
  }

 private:
  std::int64_t steps_;
  std::vector<drawing::Matrix> pictures_;  ///< [C]
  double limit_ = 0;
};

/// "nose x (2.1), nose y (1.9)": the features of the largest, or smallest, mean over the steps of `log_weights`
/// [C,K,F].
std::string weighed_features(const Model& model, std::span<const float> log_weights, std::size_t label,
                             const FeatureNames& names, bool largest) {
  constexpr std::size_t kNamed = 3;
  const auto width = static_cast<std::size_t>(model.feature_dim), steps = static_cast<std::size_t>(model.steps);
  std::vector<double> means(width);
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t f = 0; f < width; ++f) {
      means[f] += static_cast<double>(log_weights[(label * steps + step) * width + f]) / static_cast<double>(steps);
    }
  }
  std::vector<std::size_t> order(width);
  std::iota(order.begin(), order.end(), 0);
  const std::size_t shown = std::min(width, kNamed);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      if (means[a] != means[b]) return largest ? means[a] > means[b] : means[a] < means[b];
                      return a < b;
                    });
  std::vector<std::string> texts;
  for (std::size_t n = 0; n < shown; ++n) {
    const double weight = std::exp(means[order[n]]);
    texts.push_back(fmt::format("{} ({})", report::escaped(names.of(static_cast<std::int64_t>(order[n]))),
                                report::number(weight, drawing::number_text(weight))));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

/// What the columns are.
std::string columns_text(std::int64_t features, std::size_t classes) {
  const bool folded = classes > kOpenClasses && features > kFoldedColumns;
  const std::string of_folded = folded ? fmt::format(" (of the folded classes {})", kFoldedColumns) : "";
  if (features <= kMostColumns) {
    return fmt::format(
        "a column for each of {} features, 0 to {} from left to right{}", features, features - 1,
        folded ? fmt::format("; the folded classes have {} columns, each the strongest of neighbours", kFoldedColumns)
               : "");
  }
  return fmt::format(
      "{} columns{} for {} features from left to right, each the strongest of neighbours: of the numbers "
      "that share a column the one furthest from white",
      kMostColumns, of_folded, features);
}

/// Whether all files of the store hold logits, of the same classes in the same order.
bool same_logits(const io::TseStore& store) {
  const std::vector<std::int32_t>& first = store.logit_labels(0);
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
    const std::vector<std::int32_t>& labels = store.logit_labels(sample);  // one vector a file
    if (&labels != &first && labels != first) return false;
    if (store.logit_sets(sample) != store.logit_sets(0)) return false;
  }
  return !first.empty();
}

}  // namespace

FeatureNames::FeatureNames(const Model& model, const io::TseStore* store)
    : logits_(static_cast<std::size_t>(model.slope ? model.feature_dim / 2 : model.feature_dim)) {
  if (store == nullptr || !same_logits(*store)) return;
  const std::vector<std::int32_t>& labels = store->logit_labels(0);
  const auto sets = static_cast<std::size_t>(store->logit_sets(0));
  const std::size_t first = logits_.size() - sets * labels.size();
  for (std::size_t n = 0; n < sets * labels.size(); ++n) {
    const std::int32_t label = labels[n % labels.size()];
    if (label == io::kNoLabel) continue;
    logits_[first + n] = "logit of " + model.class_names[static_cast<std::size_t>(label)];
    if (sets > 1) logits_[first + n] += fmt::format(" in window {} of {}", n / labels.size() + 1, sets);
  }
}

FeatureNames::FeatureNames(const std::filesystem::path& file, const Model& model) : FeatureNames(model, nullptr) {
  const std::size_t features = logits_.size();
  const std::string expected =
      fmt::format("a text file with the names of the store's {} features, one a line", features);
  std::string text = report::read_text(file, expected, "give another with --feature-names, or leave it out");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string name = text.substr(0, end);
    if (!name.empty() && name.back() == '\r') name.pop_back();
    names_.push_back(std::move(name));
    text.erase(0, end + 1);
  }
  if (names_.size() != features) {
    throw io::StoreError(
        fmt::format("{}: found {} lines; expected {}; give another with --feature-names, or leave it out",
                    file.string(), names_.size(), expected));
  }
  if (!model.slope) return;
  for (std::size_t n = 0; n < features; ++n) names_.push_back("slope of " + names_[n]);
}

std::string FeatureNames::of(std::int64_t feature) const {
  if (given()) return names_[static_cast<std::size_t>(feature)];
  const std::int64_t plain = std::ssize(logits_), number = feature % plain;
  const std::string& logit = logits_[static_cast<std::size_t>(number)];
  return fmt::format("{}feature {}{}{}", feature < plain ? "" : "slope of ", number, logit.empty() ? "" : ": ", logit);
}

std::string weights_and_centroids(const Model& model, const std::vector<std::size_t>& order,
                                  const std::vector<std::string>& remarks, const FeatureNames& names) {
  const std::vector<float> log_weights = relative_log_weights(model);
  const ClassPictures weights(model, log_weights, order), centroids(model, standardized_centroids(model), order);
  std::string html = report::paragraph(
      fmt::format("Each picture is one class: a row for each of {} centroid steps, the first at the top, and {}.",
                  model.steps, columns_text(model.feature_dim, order.size())));
  html += report::paragraph(
      "Weights: each as a multiple of its feature's geometric mean over all classes and steps, since that mean carries "
      "the inverse of the feature's unit. Where they are orange, a difference from the centroid counts more than it "
      "does "
      "elsewhere, where blue less. "
      "Centroids: each feature less its mean over all classes and steps, in its standard deviations, so that one sees "
      "where classes differ. All classes share the two scales, whose ends hold 99.5 % of the numbers.");
  if (model.slope) {
    html += report::paragraph("The right half of the columns are slopes of the features in the left half.");
  }
  const auto ends = [](double limit, bool of_weights) {
    return drawing::number_text(of_weights ? std::exp(limit) : limit);
  };
  html +=
      report::beside({drawing::signed_scale("weight, as a multiple of the feature's", ends(-weights.limit(), true), "1",
                                            ends(weights.limit(), true)),
                      drawing::signed_scale("centroid, in standard deviations of the feature",
                                            ends(-centroids.limit(), false), "mean", ends(centroids.limit(), false))});
  std::string open, others;
  for (std::size_t n = 0; n < order.size(); ++n) {
    const std::size_t label = order[n];
    std::string one = fmt::format("<h3>{}{}</h3>\n", report::escaped(model.class_names[label]),
                                  remarks.empty() ? "" : fmt::format(" <small>{}</small>", remarks[label]));
    one += report::beside({report::figure(weights.picture(label, ""), "weights"),
                           report::figure(centroids.picture(label, ""), "centroids")});
    if (n < kOpenClasses) {
      one += report::paragraph(fmt::format("Weigh more here than elsewhere, over all steps: {}. Less: {}.",
                                           weighed_features(model, log_weights, label, names, true),
                                           weighed_features(model, log_weights, label, names, false)));
    }
    (n < kOpenClasses ? open : others) += one;
  }
  html += open;
  if (!others.empty()) html += report::folded(fmt::format("The other {} classes", order.size() - kOpenClasses), others);
  if (names.given()) {
    report::Table numbered{.caption = "Features by number", .columns = {{"number", true}, {"feature"}}, .rows = {}};
    for (std::int64_t f = 0; f < model.feature_dim; ++f)
      numbered.rows.push_back({report::count(f), report::escaped(names.of(f))});
    html += report::folded("Which feature is which column", report::table(numbered));
  }
  return html;
}

}  // namespace alignment::dejavid
