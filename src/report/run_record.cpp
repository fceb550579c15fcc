#include "src/report/run_record.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/bytes/files_in_use.hpp"
#include "io/bytes/shallow_json.hpp"
#include "io/errors.hpp"
#include "src/config/run_layout.hpp"

namespace alignment::report {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kOfARun = "a file of a run", kGiveAnother = "give the run.dir of a run";

const std::vector<drawing::Point>& of(const Histories& histories, const std::string& key) {
  static const std::vector<drawing::Point> none;
  const auto found = histories.find(key);
  return found == histories.end() ? none : found->second;
}

void add_numbers(const Json& record, double at, Histories& histories) {
  for (const auto& [key, value] : record.items()) {
    if (value.is_number()) histories[key].push_back({at, value.get<double>()});
  }
}

/// A number of a step or an epoch, from 0. Charts have it as a double.
bool is_place(const Json& value) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 53U;
  return value.is_number_unsigned() && value.get<std::uint64_t>() < kMost;
}

void read_metrics(const std::filesystem::path& file, RunRecord& run) {
  const std::string text = read_text(file, kOfARun, kGiveAnother);
  std::size_t begin = 0;
  for (int line = 1; begin < text.size(); ++line) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    const auto record = io::shallow_json<Json>(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    const auto event = record.find("event");
    const bool is_step = event != record.end() && *event == "step";
    const bool is_epoch = event != record.end() && *event == "epoch";
    const auto place = is_step || is_epoch ? record.find(is_step ? "step" : "epoch") : record.end();
    if (place == record.end() || !is_place(*place)) {
      throw io::StoreError(
          fmt::format("{}:{}: found a line that is not a metrics record; expected a JSON object with event; {}",
                      file.string(), line, kGiveAnother));
    }
    const auto number = place->get<std::int64_t>();
    if (is_step) {
      add_numbers(record, static_cast<double>(number), run.steps);
      run.steps_done = number + 1;
    } else {
      add_numbers(record, static_cast<double>(number + 1), run.epochs);
      run.epochs_done = number + 1;
    }
  }
}

/// Of a file that a run may not have yet.
std::string text_if_there(const std::filesystem::path& file) {
  std::error_code unreadable;  // then the read says so
  if (!std::filesystem::exists(file, unreadable) && !unreadable) return "";
  return read_text(file, kOfARun, kGiveAnother);
}

}  // namespace

const std::vector<drawing::Point>& RunRecord::of_steps(const std::string& key) const {
  return of(steps, key);
}

const std::vector<drawing::Point>& RunRecord::of_epochs(const std::string& key) const {
  return of(epochs, key);
}

std::string read_text(const std::filesystem::path& file, std::string_view expected, std::string_view advice) {
  const io::FileInUse in_use(file);
  std::error_code error;
  const bool folder = std::filesystem::is_directory(file, error);
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!folder && stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  if (folder || !stream.is_open() || stream.bad() || text.bad()) {
    throw io::StoreError(fmt::format("{}: found {}; expected {}; {}", file.string(),
                                     folder ? "a folder" : std::strerror(errno), expected, advice));
  }
  return text.str();
}

std::string name_of_run(const std::filesystem::path& folder) {
  std::error_code unresolved;  // as where the working folder was removed: then the name as it was given has to do
  std::filesystem::path whole = std::filesystem::absolute(folder, unresolved);
  if (unresolved) whole = folder;
  whole = whole.lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

std::vector<std::filesystem::path> files_of_run(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const char* name : run_layout::kFiles) {
    files.push_back(folder / name);
  }
  for (const char* name : run_layout::kFolders) {
    std::error_code absent;
    for (std::filesystem::directory_iterator entry(folder / name, absent), end; !absent && entry != end;
         entry.increment(absent)) {
      files.push_back(entry->path());
    }
  }
  return files;
}

RunRecord read_run(const std::filesystem::path& folder) {
  RunRecord run;
  run.folder = folder;
  read_metrics(folder / run_layout::kMetrics, run);
  run.config = text_if_there(folder / run_layout::kConfig);
  run.environment = text_if_there(folder / run_layout::kEnvironment);
  const auto summary = io::shallow_json<Json>(text_if_there(folder / run_layout::kSummary));
  if (summary.is_object()) {
    if (const Json reason = summary.value("exit_reason", Json()); reason.is_string()) run.exit_reason = reason;
    if (const Json seconds = summary.value("wall_seconds", Json()); seconds.is_number()) run.wall_seconds = seconds;
  }
  return run;
}

}  // namespace alignment::report
