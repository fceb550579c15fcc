#include "io/formats/text/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "io/bytes/content_kind.hpp"
#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/text/csv.hpp"
#include "io/formats/whole_file.hpp"
#include "io/store/splits.hpp"

namespace alignment::io {
namespace {

enum Column : std::size_t { kId, kFile, kLabel, kSplit, kColumns };
const std::vector<std::string_view> kColumnNames = {"id", "file", "label", "split"};

using Columns = std::array<std::optional<std::size_t>, kColumns>;

/// Refuses samples, and tables of other programs, in the place of the list of them.
void require_text(const std::filesystem::path& manifest) {
  const Content content = content_of_file(manifest);
  const bool may_be_text = content.kind == ContentKind::kText || content.kind == ContentKind::kSeries ||
                           content.kind == ContentKind::kEmpty || content.kind == ContentKind::kOther;
  if (may_be_text) return;
  const bool is_table = content.kind == ContentKind::kSpreadsheet || content.kind == ContentKind::kUtf16;
  throw StoreError(fmt::format("{}: found {}; expected a CSV file with the columns id, file, label, split; {}",
                               manifest.string(), content.name,
                               is_table ? "save it as CSV in UTF-8" : "list the samples' files in one"));
}

/// Where each column stands in the records; a manifest of samples to be told apart may have none of labels.
Columns find_columns(const std::filesystem::path& manifest, const CsvRecord& header) {
  require_commas(manifest, header);
  Columns found;
  for (std::size_t field = 0; field < header.fields.size(); ++field) {
    const std::string_view name = trim(header.fields[field]);
    const auto column = std::find(kColumnNames.begin(), kColumnNames.end(), name);
    if (column == kColumnNames.end()) {
      throw StoreError(
          fmt::format("{}:line {}: found the column '{}'; expected id, file, label, split; nearest: '{}'; rename "
                      "the column or remove it",
                      manifest.string(), header.line, excerpt(name), nearest(name, kColumnNames)));
    }
    auto& place = found[static_cast<std::size_t>(column - kColumnNames.begin())];
    if (place) {
      throw StoreError(fmt::format("{}:line {}: found the column '{}' twice; expected it once; remove one",
                                   manifest.string(), header.line, name));
    }
    place = field;
  }
  for (std::size_t column = 0; column < kColumns; ++column) {
    const bool may_lack = column == kId || column == kLabel || (column == kSplit && !found[kLabel]);
    if (!found[column] && !may_lack) {
      throw StoreError(fmt::format("{}:line {}: found no column '{}'; expected id, file, label, split; add it",
                                   manifest.string(), header.line, kColumnNames[column]));
    }
  }
  return found;
}

/// Throws StoreError.
ManifestEntry read_entry(const std::filesystem::path& manifest, const CsvRecord& record, const Columns& columns,
                         std::size_t expected, const char* content, AbsentFiles absent) {
  const std::string where = fmt::format("{}:line {}", manifest.string(), record.line);
  if (record.fields.size() != expected) {
    throw StoreError(
        fmt::format("{}: found {} fields; expected {} as in the first line; quote a field that holds a comma", where,
                    record.fields.size(), expected));
  }
  const auto field = [&](Column column) {
    const std::string_view text = columns[column] ? trim(record.fields[*columns[column]]) : std::string_view();
    if (text.empty() && columns[column] && column != kLabel) {
      throw StoreError(fmt::format("{}: found an empty {}; expected a value; fill it", where, kColumnNames[column]));
    }
    return std::string(text);
  };
  const std::string split = columns[kSplit] ? field(kSplit) : "test";
  const std::optional<Split> parsed = parse_split(split);
  if (!parsed) {
    throw StoreError(fmt::format("{}: found the split '{}'; expected train, val, validation or test; correct it", where,
                                 excerpt(split)));
  }
  const std::string listed = field(kFile);
  ManifestEntry entry{.id = columns[kId] ? field(kId) : listed,
                      .listed = listed,
                      .file = manifest.parent_path() / listed,
                      .label = field(kLabel),
                      .split = *parsed,
                      .line = record.line};
  if (entry.label.empty() && entry.split == Split::kTrain) {
    throw StoreError(
        fmt::format("{}: found an empty label of a training sample; expected its class; fill it, or give the sample "
                    "another split",
                    where));
  }
  for (const Column column : {kId, kLabel}) {
    const std::string& text = column == kId ? entry.id : entry.label;
    if (!is_utf8(text) || text.find('\0') != std::string::npos) {
      throw StoreError(
          fmt::format("{}: found the {} in an encoding that is not UTF-8; expected UTF-8; save the "
                      "manifest as UTF-8",
                      where, kColumnNames[column]));
    }
  }
  if (listed.find('\0') != std::string::npos) {
    throw StoreError(fmt::format("{}: found a NUL in the file; expected a path; write the manifest again", where));
  }
  if (absent == AbsentFiles::kRefuse && !names_a_file(entry.file)) {
    throw StoreError(fmt::format("{}: found no file {}; expected {}, seen from the manifest's folder; check the path",
                                 where, printable(entry.file.string()), content));
  }
  return entry;
}

/// Notes where what stands in `line` has stood before; `first_lines` grows.
void note_repetition(std::unordered_map<std::string, std::int64_t>& first_lines, const std::string& what,
                     const std::string& where, std::int64_t line, const char* kind, ListProblems& problems) {
  const auto [first, fresh] = first_lines.emplace(what, line);
  if (fresh) return;
  problems.add(
      fmt::format("line {}", line),
      fmt::format("{}: found the {} '{}' again, first in line {}; expected every {} once; rename or remove one", where,
                  kind, excerpt(what), first->second, kind));
}

}  // namespace

std::string Manifest::where(const ManifestEntry& entry) const {
  return fmt::format("{}:line {}", file.string(), entry.line);
}

bool Manifest::has_unlabelled() const {
  return std::any_of(entries.begin(), entries.end(), [](const ManifestEntry& one) { return one.label.empty(); });
}

Manifest read_manifest(const std::filesystem::path& file, const char* content, SharedFiles shared, AbsentFiles absent) {
  require_text(file);
  const std::vector<CsvRecord> records = read_csv(file);
  if (records.size() < 2) {
    throw StoreError(fmt::format(
        "{}: found no samples; expected a line id,file,label,split and one line a sample; fill it", file.string()));
  }
  const Columns columns = find_columns(file, records.front());
  Manifest manifest;
  manifest.file = file;
  manifest.is_of_new_samples = !columns[kLabel] && !columns[kSplit];
  manifest.entries.reserve(records.size() - 1);
  ListProblems problems;
  std::unordered_map<std::string, std::int64_t> line_of_id, line_of_file;
  std::set<std::string> names;
  for (std::size_t row = 1; row < records.size(); ++row) {
    const std::int64_t line = records[row].line;
    try {
      ManifestEntry entry = read_entry(file, records[row], columns, records.front().fields.size(), content, absent);
      note_repetition(line_of_id, entry.id, manifest.where(entry), line, "id", problems);
      if (shared == SharedFiles::kRefuse) {
        const std::string normal = entry.file.lexically_normal().string();
        note_repetition(line_of_file, normal, manifest.where(entry), line, "file", problems);
      }
      if (!entry.label.empty()) names.insert(entry.label);
      if (absent == AbsentFiles::kLeaveOut && !names_a_file(entry.file)) {
        manifest.left_out.add(fmt::format("line {} ({})", line, printable(entry.listed)));
        continue;
      }
      manifest.entries.push_back(std::move(entry));
    } catch (const StoreError& problem) {
      problems.add(fmt::format("line {}", line), problem.what());
    }
  }
  problems.require_none();
  if (manifest.entries.empty()) {
    throw StoreError(
        fmt::format("{}: found none of its {} files; expected {} in each, seen from the manifest's folder; "
                    "check the paths",
                    file.string(), manifest.left_out.count(), content));
  }
  manifest.class_names = class_order(names);
  return manifest;
}

std::vector<std::string> class_order(const std::set<std::string>& names) {
  std::vector<std::string> sorted(names.begin(), names.end());
  long long ignored = 0;
  if (std::all_of(sorted.begin(), sorted.end(),
                  [&](const std::string& name) { return parse_integer(name, ignored); })) {
    std::stable_sort(sorted.begin(), sorted.end(), [](const std::string& left, const std::string& right) {
      long long left_value = 0, right_value = 0;
      return parse_integer(left, left_value) && parse_integer(right, right_value) && left_value < right_value;
    });
  }
  return sorted;
}

std::unordered_map<std::string, std::int32_t> labels_of(const std::vector<std::string>& class_names) {
  std::unordered_map<std::string, std::int32_t> labels;
  for (const std::string& name : class_names) labels.try_emplace(name, static_cast<std::int32_t>(labels.size()));
  return labels;
}

void ListProblems::add(const std::string& place, const std::string& message) {
  if (count_++ == 0) {
    first_ = message;
  } else {
    others_.add(place);
  }
}

void ListProblems::require_none() const {
  if (count_ == 0) return;
  throw StoreError(
      count_ == 1 ? first_ : fmt::format("{} ({} problems in all, the others: {})", first_, count_, others_.text()));
}

}  // namespace alignment::io
