#include "io/formats/text/frame_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/text/csv.hpp"

namespace alignment::io {
namespace {

constexpr std::string_view kColumns = "id, first frame, last frame, phase";

/// A line of the file, understood.
struct Range {
  std::int64_t line = 0, sample = 0;
  std::int64_t first = 0, last = 0;  ///< frames, both included
  std::string phase;
};

class Reader {
 public:
  Reader(const std::filesystem::path& file, const TseStore& store) : file_(file), store_(store) {
    for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) samples_.emplace(store.id(sample), sample);
  }

  /// The ranges in the order of samples and frames.
  std::vector<Range> ranges() const {
    std::vector<Range> ranges;
    bool heading = true;  // may come
    for (const CsvRecord& record : read_csv(file_)) {
      if (!(heading && is_heading(record))) ranges.push_back(range_of(record));
      heading = false;
    }
    if (ranges.empty()) {
      throw StoreError(
          fmt::format("{}: found no frames; expected lines of {}; write one a phase", file_.string(), kColumns));
    }
    std::stable_sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
      return std::pair(a.sample, a.first) < std::pair(b.sample, b.first);
    });
    for (std::size_t n = 1; n < ranges.size(); ++n) refuse_overlap(ranges[n - 1], ranges[n]);
    return ranges;
  }

  [[noreturn]] void refuse(std::int64_t line, const std::string& found, const std::string& expected,
                           std::string_view advice) const {
    throw StoreError(
        fmt::format("{}:line {}: found {}; expected {}; {}", file_.string(), line, found, expected, advice));
  }

 private:
  static bool is_heading(const CsvRecord& record) {
    long long ignored = 0;
    return lower(trim(record.fields[0])) == "id" && record.fields.size() > 1 &&
           !parse_integer(trim(record.fields[1]), ignored);
  }

  [[nodiscard]] std::int64_t frame_of(const CsvRecord& record, std::size_t column) const {
    long long frame = 0;
    if (!parse_integer(trim(record.fields[column]), frame) || frame < 0) {
      refuse(record.line,
             fmt::format("\"{}\" as the {} frame", excerpt(record.fields[column]), column == 1 ? "first" : "last"),
             "a whole number from 0", "correct it");
    }
    return frame;
  }

  [[nodiscard]] Range range_of(const CsvRecord& record) const {
    if (record.fields.size() != 4) {
      refuse(record.line, fmt::format("{} columns", record.fields.size()), std::string("4: ").append(kColumns),
             "correct the line");
    }
    const auto known = samples_.find(record.fields[0]);
    if (known == samples_.end()) refuse_id(record);
    Range range{record.line, known->second, frame_of(record, 1), frame_of(record, 2),
                std::string(trim(record.fields[3]))};
    const std::string frames = fmt::format("frames {} to {}", range.first, range.last);
    if (range.first > range.last) {
      refuse(record.line, frames, "a first frame that is not behind the last", "swap them, or leave the line out");
    }
    const std::int64_t length = store_.length(range.sample);
    if (range.last >= length) {
      refuse(record.line, fmt::format("{} of \"{}\"", frames, excerpt(record.fields[0])),
             fmt::format("at most frame {}, its last, as frames count from 0", length - 1), "correct the line");
    }
    if (range.phase.empty() || !is_utf8(range.phase) || range.phase.find('\0') != std::string::npos) {
      refuse(record.line, range.phase.empty() ? "no phase" : "a phase that is no text", "a name in UTF-8, or a number",
             "frames without a phase need no line");
    }
    return range;
  }

  [[noreturn]] void refuse_id(const CsvRecord& record) const {
    std::vector<std::string_view> ids;
    for (const auto& [id, sample] : samples_) ids.push_back(id);
    std::sort(ids.begin(), ids.end());
    refuse(record.line, fmt::format("the id \"{}\"", excerpt(record.fields[0])), "an id of the store",
           fmt::format("did you mean \"{}\"?", excerpt(nearest(record.fields[0], ids))));
  }

  void refuse_overlap(const Range& before, const Range& after) const {
    if (before.sample != after.sample || before.last < after.first) return;
    const bool in_order = before.line < after.line;
    const Range &earlier = in_order ? before : after, &later = in_order ? after : before;
    refuse(later.line,
           fmt::format("frames {} to {} of \"{}\"", later.first, later.last, excerpt(store_.id(later.sample))),
           fmt::format("none that line {} has ({} to {})", earlier.line, earlier.first, earlier.last),
           "give every frame one phase at most");
  }

  const std::filesystem::path& file_;
  const TseStore& store_;
  std::unordered_map<std::string_view, std::int64_t> samples_;
};

/// The phase as a number below `limit`, or -1.
std::int32_t number_of(const std::string& phase, std::int64_t limit) {
  long long number = 0;
  return parse_integer(phase, number) && number >= 0 && number < limit ? static_cast<std::int32_t>(number) : -1;
}

std::int32_t position_of(const std::string& phase, const std::vector<std::string>& phases) {
  const auto found = std::find(phases.begin(), phases.end(), phase);
  return found == phases.end() ? -1 : static_cast<std::int32_t>(found - phases.begin());
}

constexpr std::string_view kDropping = "or drop the phases of samples that the file does not name: --replace-all";

/// What number each phase is, by the rules of read_frame_labels(). `names`: those that have their numbers already, to
/// which others are added where `open`. `keeps`: whether other samples keep phases.
std::vector<std::int32_t> number_phases(const std::vector<Range>& ranges, const Reader& reader, bool open, bool keeps,
                                        std::vector<std::string>& names) {
  const auto all = [&](const auto& holds) { return std::all_of(ranges.begin(), ranges.end(), holds); };
  const auto limit = names.empty() ? std::int64_t{std::numeric_limits<std::int32_t>::max()} : std::ssize(names);
  const bool named = !names.empty() && !all([&](const Range& range) { return position_of(range.phase, names) < 0; });
  const bool numbers = !named && all([](const Range& range) {
    long long ignored = 0;
    return parse_integer(range.phase, ignored);
  });
  const std::string advice = keeps ? fmt::format("correct it, {}", kDropping) : "correct it";
  if (open && keeps && names.empty() && !numbers) {
    reader.refuse(ranges.front().line, fmt::format("the phase \"{}\"", excerpt(ranges.front().phase)),
                  "numbers throughout, as samples that the file does not name have them without names",
                  fmt::format("give numbers, or names of all phases: --phases, {}", kDropping));
  }
  std::vector<std::int32_t> numbered;
  for (const Range& range : ranges) {
    std::int32_t number = numbers ? number_of(range.phase, limit) : position_of(range.phase, names);
    if (number < 0 && !numbers && open) {
      number = static_cast<std::int32_t>(names.size());
      names.push_back(range.phase);
    }
    if (number < 0) {
      reader.refuse(range.line, fmt::format("the phase \"{}\"", excerpt(range.phase)),
                    numbers ? fmt::format("a number from 0 to {}", limit - 1)
                            : fmt::format("one of {}", printable(fmt::format("{}", fmt::join(names, ", ")))),
                    advice);
    }
    numbered.push_back(number);
  }
  return numbered;
}

/// Gives the frames of a sample that keeps its phases the numbers of `phases`.
void renumber(const TseStore& store, std::int64_t sample, const std::vector<std::string>& phases,
              std::vector<std::int32_t>& frames) {
  const std::vector<std::string>& before = store.phase_names();
  for (std::int32_t& phase : frames) {
    if (phase < 0) continue;
    const std::string name = before.empty() ? std::to_string(phase) : before[static_cast<std::size_t>(phase)];
    const std::int32_t number = before.empty() ? number_of(name, std::ssize(phases)) : position_of(name, phases);
    if (number < 0) {
      const std::string expected =
          before.empty() ? fmt::format("a number from 0 to {}", phases.size() - 1)
                         : fmt::format("one of {}", printable(fmt::format("{}", fmt::join(phases, ", "))));
      throw StoreError(fmt::format(
          "{}:frame_labels:sample {} ({}): found the phase \"{}\", which it keeps; expected {}, as --phases has it; "
          "add it there, {}",
          store.describe_files(), sample, printable(store.id(sample)), excerpt(name), expected, kDropping));
    }
    phase = number;
  }
}

}  // namespace

FrameLabels read_frame_labels(const std::filesystem::path& file, TseStore& store,
                              const std::vector<std::string>& phases, UnnamedSamples unnamed) {
  const Reader reader(file, store);
  const std::vector<Range> ranges = reader.ranges();
  FrameLabels labels;
  std::vector<bool> named(static_cast<std::size_t>(store.sample_count()), false);
  for (const Range& range : ranges) named[static_cast<std::size_t>(range.sample)] = true;
  labels.named = std::count(named.begin(), named.end(), true);
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
    std::vector<std::int32_t> none(static_cast<std::size_t>(store.length(sample)), kNoPhase);
    if (named[static_cast<std::size_t>(sample)] || !store.has_frame_labels()) {
      labels.of_samples.push_back(std::move(none));
      continue;
    }
    std::vector<std::int32_t> frames = store.read_frame_labels(sample);
    labels.others += has_phases(frames) ? 1 : 0;
    if (unnamed == UnnamedSamples::kKeep && !phases.empty()) renumber(store, sample, phases, frames);
    labels.of_samples.push_back(unnamed == UnnamedSamples::kKeep ? std::move(frames) : std::move(none));
  }

  const bool keeps = unnamed == UnnamedSamples::kKeep && labels.others > 0;
  labels.phase_names = phases.empty() && keeps ? store.phase_names() : phases;
  const std::vector<std::int32_t> numbers = number_phases(ranges, reader, phases.empty(), keeps, labels.phase_names);
  for (std::size_t n = 0; n < ranges.size(); ++n) {
    auto& frames = labels.of_samples[static_cast<std::size_t>(ranges[n].sample)];
    std::fill(frames.begin() + ranges[n].first, frames.begin() + ranges[n].last + 1, numbers[n]);
  }
  return labels;
}

}  // namespace alignment::io
