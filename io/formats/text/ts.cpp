#include "io/formats/text/ts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>
#include <unordered_map>

#include "io/bytes/first_few.hpp"
#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/store/encoder_names.hpp"

namespace alignment::io {
namespace {

constexpr std::int64_t kUnset = -1;
constexpr std::string_view kBlanks = " \t\v\f";

/// What the lines before @data say, and what a first look at the data adds.
struct TsHeader {
  std::string problem;
  std::int64_t dimensions = kUnset;
  std::int64_t series_length = kUnset;
  bool equal_length = false;
  bool has_labels = false;
  std::vector<std::string> labels;  ///< as listed, in that order; empty where only "true" is said
  std::int64_t labels_line = 0;
  FirstFew skipped;  ///< header lines of unknown keys
  std::int64_t samples = 0;
  std::set<std::string> labels_in_data;
};

/// Reads one file's lines, keeping count of them.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& file) : file_(file), stream_(file, std::ios::binary) {
    if (!stream_) {
      throw StoreError(fmt::format("{}: cannot be opened; expected a .ts file; check the path", file.string()));
    }
  }
  /// The next line that is neither empty nor a comment, trimmed; false at the end.
  bool next() {
    while (std::getline(stream_, buffer_)) {
      ++number_;
      text_ = trim(number_ == 1 ? without_byte_order_mark(buffer_) : std::string_view(buffer_));
      if (!text_.empty() && text_[0] != '#') {
        return true;
      }
    }
    if (stream_.bad()) {
      throw StoreError(
          fmt::format("{}: reading failed after line {}; expected a readable file", file_.string(), number_));
    }
    return false;
  }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] std::string where() const { return fmt::format("{}:line {}", file_.string(), number_); }

 private:
  std::filesystem::path file_;
  std::ifstream stream_;
  std::string buffer_;
  std::string_view text_;
  std::int64_t number_ = 0;
};

bool parse_flag(const LineReader& line, std::string_view key, std::string_view value) {
  const std::string word = lower(value);
  if (word != "true" && word != "false") {
    throw StoreError(fmt::format("{}: found @{} '{}'; expected true or false; correct the header", line.where(), key,
                                 excerpt(value)));
  }
  return word == "true";
}

std::int64_t parse_count(const LineReader& line, std::string_view key, std::string_view value) {
  long long count = 0;
  if (!parse_integer(value, count) || count < 1) {
    throw StoreError(fmt::format("{}: found @{} '{}'; expected a positive integer; correct the header", line.where(),
                                 key, excerpt(value)));
  }
  return count;
}

/// What lies between the separators, empty pieces left out.
std::vector<std::string> words_of(std::string_view text, std::string_view separators) {
  std::vector<std::string> words;
  while (true) {
    const auto begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) {
      return words;
    }
    const auto end = text.find_first_of(separators, begin);
    words.emplace_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
}

void require_utf8(const LineReader& line, std::string_view text, std::string_view what) {
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
    throw StoreError(fmt::format(
        "{}: found {} in an encoding that is not UTF-8; expected UTF-8; save the file as UTF-8", line.where(), what));
  }
}

void read_class_labels(const LineReader& line, std::string_view value, TsHeader& header) {
  if (header.labels_line != 0) {
    throw StoreError(fmt::format("{}: found a second @classLabel line, the first is line {}; expected one; remove one",
                                 line.where(), header.labels_line));
  }
  header.labels_line = line.number();
  require_utf8(line, value, "a label");
  const std::vector<std::string> words = words_of(value, kBlanks);
  header.has_labels = !words.empty() && parse_flag(line, "classLabel", words.front());
  if (!header.has_labels) {
    throw StoreError(fmt::format("{}: found @classLabel {}; expected labelled samples; training needs labels",
                                 line.where(), excerpt(value)));
  }
  header.labels.assign(words.begin() + 1, words.end());
}

void read_header_line(const LineReader& line, TsHeader& header) {
  const std::string_view text = line.text().substr(1);
  const auto key_end = text.find_first_of(" \t:");
  const std::string_view spelled = text.substr(0, key_end);
  std::string key = lower(spelled);
  std::erase(key, '_');  // class_label is classLabel
  const std::string_view value =
      key_end == std::string_view::npos ? std::string_view{} : trim(text.substr(key_end + 1));
  bool univariate = false;
  if (key == "problemname") {
    require_utf8(line, value, "a @problemName");
    header.problem = value;
  } else if (key == "timestamps") {
    if (parse_flag(line, key, value)) {
      throw StoreError(
          fmt::format("{}: found time-stamped data (@timeStamps true); expected plain values; resample it to equal "
                      "steps and say @timeStamps false",
                      line.where()));
    }
  } else if (key == "missing") {
    parse_flag(line, key, value);  // what counts is whether a value is missing, and that the data shows
  } else if (key == "univariate") {
    univariate = parse_flag(line, key, value);
  } else if (key == "dimensions" || key == "dimension") {
    header.dimensions = parse_count(line, key, value);
  } else if (key == "equallength") {
    header.equal_length = parse_flag(line, key, value);
  } else if (key == "serieslength") {
    header.series_length = parse_count(line, key, value);
  } else if (key == "classlabel") {
    read_class_labels(line, value, header);
  } else if (key == "targetlabel") {
    if (!parse_flag(line, key, words_of(value, kBlanks).empty() ? value : words_of(value, kBlanks).front())) {
      return;
    }
    throw StoreError(
        fmt::format("{}: found a regression set (@targetLabel); expected @classLabel; only classification can be "
                    "trained",
                    line.where()));
  } else {
    header.skipped.add(fmt::format("@{} in line {}", excerpt(spelled), line.number()));
  }
  if (univariate && header.dimensions == kUnset) {
    header.dimensions = 1;
  }
}

/// Reads up to and including @data.
TsHeader read_header(LineReader& line) {
  TsHeader header;
  while (line.next()) {
    if (line.text()[0] != '@') {
      throw StoreError(
          fmt::format("{}: found '{}' before @data; expected a header line that begins with '@'; is this a .ts file?",
                      line.where(), excerpt(line.text())));
    }
    if (lower(line.text()) == "@data") {
      if (!header.has_labels) {
        throw StoreError(fmt::format(
            "{}: found no @classLabel line{}; expected @classLabel true and the labels; add it", line.where(),
            header.skipped.count() == 0 ? std::string()
                                        : fmt::format(", but unknown ones: {}", header.skipped.text())));
      }
      return header;
    }
    read_header_line(line, header);
  }
  throw StoreError(
      fmt::format("{}: found no @data line; expected one after the header; is the file whole?", line.where()));
}

std::string_view label_of(std::string_view data_line) {
  const auto colon = data_line.rfind(':');
  return colon == std::string_view::npos ? std::string_view{} : trim(data_line.substr(colon + 1));
}

/// Commas may stand between the labels of a @classLabel line, too, unless the samples' labels have them.
void split_at_commas(TsHeader& header) {
  std::set<std::string> in_data;
  for (const std::string& label : header.labels_in_data) {
    in_data.insert(lower(label));
  }
  std::vector<std::string> labels;
  for (const std::string& word : header.labels) {
    if (word.find(',') == std::string::npos || in_data.contains(lower(word))) {
      labels.push_back(word);
      continue;
    }
    for (std::string& piece : words_of(word, ",")) {
      labels.push_back(std::move(piece));
    }
  }
  header.labels = std::move(labels);
}

/// The header, and one pass over the data for the number of samples and the labels that occur.
TsHeader scan(const std::filesystem::path& file) {
  LineReader line(file);
  TsHeader header = read_header(line);
  while (line.next()) {
    ++header.samples;
    const auto [label, fresh] = header.labels_in_data.emplace(label_of(line.text()));
    if (fresh) {
      require_utf8(line, *label, "a label");
    }
    if (header.dimensions == kUnset) {
      header.dimensions = static_cast<std::int64_t>(std::count(line.text().begin(), line.text().end(), ':'));
    }
  }
  if (header.samples == 0 || header.dimensions < 1) {
    throw StoreError(
        fmt::format("{}: found no samples after @data; expected one a line; is the file whole?", file.string()));
  }
  split_at_commas(header);
  if (const std::set<std::string> distinct(header.labels.begin(), header.labels.end());
      distinct.size() != header.labels.size()) {
    throw StoreError(
        fmt::format("{}:line {}: found a label twice; expected each class once; correct the @classLabel "
                    "line",
                    file.string(), header.labels_line));
  }
  return header;
}

/// Numbers of classes by name: the same name, or else the same but for the case of its letters.
class ClassNumbers {
 public:
  explicit ClassNumbers(const std::vector<std::string>& names) {
    for (std::size_t label = 0; label < names.size(); ++label) {
      exact_[names[label]] = static_cast<std::int32_t>(label);
      const auto [other, fresh] = any_case_.emplace(lower(names[label]), static_cast<std::int32_t>(label));
      if (!fresh) {
        other->second = kAmbiguous;
      }
    }
  }
  [[nodiscard]] std::optional<std::int32_t> find(const std::string& name) const {
    if (const auto found = exact_.find(name); found != exact_.end()) {
      return found->second;
    }
    const auto found = any_case_.find(lower(name));
    return found == any_case_.end() || found->second == kAmbiguous ? std::nullopt : std::optional(found->second);
  }

 private:
  static constexpr std::int32_t kAmbiguous = -1;
  std::unordered_map<std::string, std::int32_t> exact_, any_case_;
};

std::string default_prefix(const std::filesystem::path& train) {
  constexpr std::string_view kPart = "_train";
  std::string stem = as_utf8(train.stem().string());
  if (stem.size() > kPart.size() && lower(stem).ends_with(kPart)) {
    stem.resize(stem.size() - kPart.size());
  }
  return stem;
}

class TsSource : public SampleSource {
 public:
  TsSource(const std::filesystem::path& train, const std::optional<std::filesystem::path>& test,
           const std::optional<std::string>& id_prefix) {
    std::string prefix = id_prefix ? *id_prefix : default_prefix(train);
    prefix += prefix.empty() ? "" : "_";
    parts_.push_back({train, scan(train), Split::kTrain, prefix + "train"});
    if (test) {
      parts_.push_back({*test, scan(*test), Split::kTest, prefix + "test"});
      check_agreement();
    }
    const TsHeader& first = parts_.front().header;
    header_.feature_dim = first.dimensions;
    header_.class_names = first.labels;
    if (header_.class_names.empty()) {
      std::set<std::string> labels, known;
      for (const Part& part : parts_) {
        labels.insert(part.header.labels_in_data.begin(), part.header.labels_in_data.end());
      }
      std::copy_if(labels.begin(), labels.end(), std::back_inserter(header_.class_names),
                   [&](const std::string& label) { return known.insert(lower(label)).second; });
    }
    header_.encoder = kNoEncoder;
    header_.source = first.problem.empty() ? as_utf8(train.filename().string()) : first.problem;
    classes_ = ClassNumbers(header_.class_names);
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override {
    std::int64_t count = 0;
    for (const Part& part : parts_) {
      count += part.header.samples;
    }
    return count;
  }

  [[nodiscard]] std::vector<std::string> notes() const override {
    std::vector<std::string> notes;
    for (const Part& part : parts_) {
      if (part.header.skipped.count() > 0) {
        notes.push_back(
            fmt::format("{}: skipped unknown header lines: {}", part.file.string(), part.header.skipped.text()));
      }
    }
    return notes;
  }

  void next(SourceSample& sample) override {
    if (line_ && index_in_part_ == parts_[part_].header.samples) {
      line_.reset();
      ++part_;
    }
    const Part& part = parts_[part_];
    if (!line_) {
      line_.emplace(part.file);
      read_header(*line_);
      index_in_part_ = 0;
    }
    if (!line_->next()) {
      throw StoreError(
          fmt::format("{}: found fewer samples than a moment ago; expected {}; did the file change meanwhile?",
                      part.file.string(), part.header.samples));
    }
    sample.id = fmt::format("{}_{:06}", part.prefix, index_in_part_++);
    sample.origin = fmt::format("{}:{}", line_->where(), sample.id);
    sample.split = part.split;
    parse(part.header, sample);
  }

 private:
  struct Part {
    std::filesystem::path file;
    TsHeader header;
    Split split;
    std::string prefix;
  };

  void check_agreement() const {
    const Part &train = parts_[0], &test = parts_[1];
    if (train.header.dimensions != test.header.dimensions) {
      throw StoreError(fmt::format("{}: found {} dimensions; expected {} as in {}; are these two halves of one set?",
                                   test.file.string(), test.header.dimensions, train.header.dimensions,
                                   train.file.string()));
    }
  }

  void parse(const TsHeader& header, SourceSample& sample) {
    std::vector<std::string_view> fields = split_text(line_->text(), ':');
    const std::string_view label = trim(fields.back());
    fields.pop_back();
    if (line_->text().starts_with('(')) {
      throw StoreError(fmt::format(
          "{}: found time-stamped values '(t,v)'; expected plain values; resample them to equal steps", sample.origin));
    }
    if (static_cast<std::int64_t>(fields.size()) != header_.feature_dim) {
      throw StoreError(
          fmt::format("{}: found {} dimensions and a label; expected {} dimensions and a label; is the line whole?",
                      sample.origin, fields.size(), header_.feature_dim));
    }
    const auto found = classes_.find(std::string(label));
    if (label.empty() || !found) {
      const std::string& first = parts_.front().file.string();
      const bool blank = label.find_first_of(kBlanks) != std::string_view::npos;
      throw StoreError(fmt::format("{}: found the label '{}'; expected one of the @classLabel line{}; nearest: '{}'{}",
                                   sample.origin, excerpt(label), part_ == 0 ? std::string() : " of " + first,
                                   excerpt(nearest(label, {header_.class_names.begin(), header_.class_names.end()})),
                                   blank ? "; a blank in that line ends a label: write one without" : ""));
    }
    sample.label = *found;
    const auto steps = static_cast<std::size_t>(std::count(fields[0].begin(), fields[0].end(), ',')) + 1;
    const bool wrong_length = header.series_length != kUnset && steps != static_cast<std::size_t>(header.series_length);
    if (header.equal_length && equal_length_ == 0) {
      equal_length_ = steps;
    }
    if (header.equal_length && (wrong_length || steps != equal_length_)) {
      throw StoreError(fmt::format(
          "{}: found {} steps; expected {} (@equalLength true); is the line whole, or the header wrong?", sample.origin,
          steps, wrong_length ? header.series_length : static_cast<std::int64_t>(equal_length_)));
    }
    sample.features.resize(steps * fields.size());
    for (std::size_t dimension = 0; dimension < fields.size(); ++dimension) {
      parse_dimension(fields, dimension, steps, sample);
    }
  }

  /// One dimension's values into column `dimension` of the sample's [T,F] features.
  void parse_dimension(const std::vector<std::string_view>& fields, std::size_t dimension, std::size_t steps,
                       SourceSample& sample) const {
    const std::vector<std::string_view> values = split_text(fields[dimension], ',');
    if (values.size() != steps) {
      throw StoreError(
          fmt::format("{}: found {} steps in dimension {}; expected {} as in dimension 1; resample the dimensions to "
                      "one length",
                      sample.origin, values.size(), dimension + 1, steps));
    }
    for (std::size_t step = 0; step < steps; ++step) {
      const std::string_view text = trim(values[step]);
      const ParsedNumber number = parse_number(text);
      const auto value = static_cast<float>(number.value);
      if (text == "?" || (number.well_formed && !std::isfinite(value))) {
        throw NotFiniteError(fmt::format(
            "{}: found '{}' at dimension {} step {}; expected a finite f32; fill or drop the sample, or say "
            "--data.bad_samples skip",
            sample.origin, excerpt(text), dimension + 1, step + 1));
      }
      if (!number.well_formed) {
        throw StoreError(fmt::format("{}: found '{}' at dimension {} step {}; expected a number; correct the line",
                                     sample.origin, excerpt(text), dimension + 1, step + 1));
      }
      sample.features[step * fields.size() + dimension] = value;
    }
  }

  std::vector<Part> parts_;
  TseStoreHeader header_;
  ClassNumbers classes_{{}};
  std::optional<LineReader> line_;
  std::size_t part_ = 0;
  std::int64_t index_in_part_ = 0;
  std::size_t equal_length_ = 0;
};

}  // namespace

std::unique_ptr<SampleSource> open_ts(const std::filesystem::path& train,
                                      const std::optional<std::filesystem::path>& test,
                                      const std::optional<std::string>& id_prefix) {
  return std::make_unique<TsSource>(train, test, id_prefix);
}

}  // namespace alignment::io
