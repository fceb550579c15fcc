#include "io/formats/logit_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "io/bytes/first_few.hpp"
#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::io {
namespace {

/// Where each class stands in the file, counted in classes.
std::vector<std::size_t> places_of(const std::vector<std::string>& class_names, const std::filesystem::path& file) {
  const std::vector<char> bytes = read_whole_file(file);
  const std::string_view text = without_byte_order_mark({bytes.data(), bytes.size()});
  std::unordered_map<std::string_view, std::size_t> place_of;
  std::unordered_map<std::string_view, std::int64_t> line_of;
  const std::vector<std::string_view> known(class_names.begin(), class_names.end());
  std::int64_t line = 0;
  for (const std::string_view whole : split_text(text, '\n')) {
    ++line;
    const std::string_view name = trim(whole);
    if (name.empty()) continue;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw StoreError(
          fmt::format("{}:line {}: found '{}', which is none of the {} classes of the samples; expected "
                      "each of these once, in the encoder's order; nearest: '{}'; correct or remove it",
                      file.string(), line, excerpt(name), known.size(), excerpt(nearest(name, known))));
    }
    const auto [first, fresh] = line_of.emplace(name, line);
    if (!fresh) {
      throw StoreError(
          fmt::format("{}:line {}: found '{}' again, first in line {}; expected every class once; remove one",
                      file.string(), line, excerpt(name), first->second));
    }
    place_of.emplace(name, place_of.size());
  }
  std::vector<std::size_t> places;
  FirstFew missing;
  for (const std::string& name : class_names) {
    const auto place = place_of.find(name);
    if (place == place_of.end()) {
      missing.add(printable(name));
    } else {
      places.push_back(place->second);
    }
  }
  if (missing.count() > 0) {
    throw StoreError(
        fmt::format("{}: found {} of the {} classes of the samples, not {}; expected each of them once, in "
                    "the encoder's order; add what is missing",
                    file.string(), places.size(), class_names.size(), missing.text()));
  }
  return places;
}

class OrderedLogits : public SampleSource {
 public:
  OrderedLogits(SampleSource& source, std::int64_t logits, const std::filesystem::path& classes)
      : source_(source), places_(places_of(source.header().class_names, classes)) {
    const auto count = static_cast<std::int64_t>(places_.size());
    // A count that does not fit is left to the writer, which refuses it.
    if (fits_logits(logits, count, source.header().feature_dim)) logits_ = static_cast<std::size_t>(logits);
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return source_.header(); }
  [[nodiscard]] std::int64_t sample_count() const override { return source_.sample_count(); }
  [[nodiscard]] std::vector<std::string> notes() const override { return source_.notes(); }
  [[nodiscard]] std::vector<std::string> closing_notes() const override { return source_.closing_notes(); }

  void next(SourceSample& sample) override {
    source_.next(sample);
    const auto feature_dim = static_cast<std::size_t>(source_.header().feature_dim);
    const std::size_t classes = places_.size();
    std::vector<float> of_encoder(classes);
    for (std::size_t end = feature_dim; end <= sample.features.size(); end += feature_dim) {
      for (std::size_t set = end - logits_; set < end; set += classes) {
        float* const scores = &sample.features[set];
        of_encoder.assign(scores, scores + classes);
        for (std::size_t label = 0; label < classes; ++label) scores[label] = of_encoder[places_[label]];
      }
    }
  }

 private:
  SampleSource& source_;
  std::vector<std::size_t> places_;  ///< [C] where a class stands in a set of the encoder's
  std::size_t logits_ = 0;
};

}  // namespace

std::unique_ptr<SampleSource> with_logits_in_class_order(SampleSource& source, std::int64_t logits,
                                                         const std::filesystem::path& classes) {
  return std::make_unique<OrderedLogits>(source, logits, classes);
}

}  // namespace alignment::io
