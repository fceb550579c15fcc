#include "src/encoding/samples/aligned_frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>

#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/text/csv.hpp"

namespace alignment::encoding {
namespace {

const std::vector<std::string> kColumns = {"query_frame", "other_frame", "query_time", "other_time", "distance"};

template <typename Number>
bool parse(std::string_view text, Number& number) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && rest == text.data() + text.size();
}

/// One step further in one video or in both, as paths go.
bool follows(const AlignedFrames& cell, const AlignedFrames& before) {
  const std::int64_t query = cell.rows[0] - before.rows[0], other = cell.rows[1] - before.rows[1];
  return query >= 0 && query <= 1 && other >= 0 && other <= 1 && query + other > 0;
}

}  // namespace

std::vector<AlignedFrames> read_path(const std::filesystem::path& file) {
  const std::vector<io::CsvRecord> records = io::read_csv(file);
  if (records.empty() || records.front().fields != kColumns) {
    throw io::StoreError(
        fmt::format("{}: found another table than a path of two videos; expected the columns "
                    "query_frame,other_frame,query_time,other_time,distance; give an align-ID.csv of lrprop_dist align",
                    file.string()));
  }
  std::vector<AlignedFrames> path;
  for (auto record = records.begin() + 1; record != records.end(); ++record) {
    const std::vector<std::string>& fields = record->fields;
    const auto refuse = [&](std::string_view found, std::string_view expected, std::string_view advice) {
      throw io::StoreError(
          fmt::format("{}:{}: found {}; expected {}; {}", file.string(), record->line, found, expected, advice));
    };
    if (fields.size() != kColumns.size()) {
      refuse(fmt::format("{} fields", fields.size()), fmt::format("{}", kColumns.size()), "write it anew");
    }
    AlignedFrames cell;
    for (std::size_t video = 0; video < 2; ++video) {
      if (!parse(fields[video], cell.rows[video])) {
        refuse(io::printable(fields[video]), "a frame's number in " + kColumns[video], "write it anew");
      }
      const std::string& seconds = fields[2 + video];
      if (seconds.empty()) {
        refuse("no " + kColumns[2 + video], "the time of each row, which says which frame it is",
               "align videos of a store with /timestamps, as dejavid_encode writes them");
      }
      if (!parse(seconds, cell.seconds[video]) || !std::isfinite(cell.seconds[video])) {
        refuse(io::printable(seconds), "seconds in " + kColumns[2 + video], "write it anew");
      }
    }
    if (path.empty() ? cell.rows != std::array<std::int64_t, 2>{0, 0} : !follows(cell, path.back())) {
      refuse(fmt::format("rows {} and {}", cell.rows[0], cell.rows[1]),
             "a path from 0 and 0 that goes on by one step in either video or both", "write it anew");
    }
    path.push_back(cell);
  }
  if (path.empty()) {
    throw io::StoreError(
        fmt::format("{}: found no line below the header; expected a path; write it anew", file.string()));
  }
  return path;
}

std::vector<AlignedFrames> places_of(const std::vector<AlignedFrames>& path, std::int64_t places) {
  const std::int64_t shown = std::min(places, std::ssize(path));
  std::vector<AlignedFrames> chosen;
  for (std::int64_t n = 0; n < shown; ++n) {
    chosen.push_back(path[static_cast<std::size_t>(shown == 1 ? 0 : n * (std::ssize(path) - 1) / (shown - 1))]);
  }
  return chosen;
}

std::vector<AlignedFrames> rows_of(const std::vector<AlignedFrames>& path, const std::vector<std::int64_t>& rows) {
  std::vector<AlignedFrames> chosen;
  for (const std::int64_t row : rows) {
    const auto first = std::find_if(path.begin(), path.end(), [&](const auto& cell) { return cell.rows[0] == row; });
    if (first == path.end()) {
      throw std::out_of_range(fmt::format("found row {} of the query; expected 0 to {}", row, path.back().rows[0]));
    }
    const auto last = std::find_if(first, path.end(), [&](const auto& cell) { return cell.rows[0] != row; });
    chosen.push_back(first[(last - first - 1) / 2]);
  }
  return chosen;
}

}  // namespace alignment::encoding
