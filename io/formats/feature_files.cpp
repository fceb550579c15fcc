#include "io/formats/feature_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "io/bytes/content_kind.hpp"
#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/file_reader.hpp"
#include "io/formats/python/npy_file.hpp"
#include "io/formats/text/feature_table.hpp"

namespace alignment::io {
namespace {

std::string_view advice_on(ContentKind kind) {
  switch (kind) {
    case ContentKind::kEmpty:
      return "copy the file again";
    case ContentKind::kHdf5:
      return "a TSE store needs no conversion; save other arrays with numpy.save";
    case ContentKind::kSeries:
      return "dejavid_convert ts reads it";
    case ContentKind::kVideo:
      return "dejavid_encode --videos makes features of it";
    case ContentKind::kSpreadsheet:
      return "save it as CSV";
    case ContentKind::kUtf16:
      return "save it as UTF-8";
    default:
      return "save the array with numpy.save";
  }
}

enum class Reader : std::uint8_t { kNpy, kTorch, kTable };

Reader reader_of(const std::filesystem::path& file) {
  const FileReader reader(file);
  std::string beginning(std::min<std::uint64_t>(kTellingBytes, reader.size()), '\0');
  reader.read(0, beginning);
  const Content content = content_of(beginning);
  switch (content.kind) {
    case ContentKind::kNpy:
      return Reader::kNpy;
    case ContentKind::kZip:
    case ContentKind::kLegacyTorch:  // which it refuses by name
      return Reader::kTorch;
    case ContentKind::kText:
      return Reader::kTable;
    default:
      throw StoreError(
          fmt::format("{}: found {}; expected features as numpy.save or torch.save writes them, or a CSV file of "
                      "numbers; {}",
                      file.string(), content.name, advice_on(content.kind)));
  }
}

}  // namespace

FeatureMatrix FeatureFiles::read(const std::filesystem::path& file, const std::string& id) {
  switch (reader_of(file)) {
    case Reader::kNpy:
      return read_npy(file);
    case Reader::kTorch:
      return tensors_.open(file, id).read(id);
    case Reader::kTable:
      break;
  }
  FeatureMatrix matrix = read_feature_table(file);
  require_headings(file, matrix.headings);
  if (!matrix.headings.empty()) files_with_headings_.insert(file);
  return matrix;
}

void FeatureFiles::require_headings(const std::filesystem::path& file, const std::vector<std::string>& headings) {
  if (headings_.empty()) {
    headings_ = headings;
    first_with_headings_ = file;
    return;
  }
  if (headings.size() != headings_.size()) return;  // none, or another F, which is for the caller to judge
  const auto [found, expected] = std::mismatch(headings.begin(), headings.end(), headings_.begin());
  if (found == headings.end()) return;
  throw StoreError(fmt::format(
      "{}: found the heading '{}' of column {}; expected '{}' as in {}; put the columns of all files in one "
      "order, or remove the headings where they say nothing of it",
      file.string(), excerpt(*found), found - headings.begin() + 1, excerpt(*expected), first_with_headings_.string()));
}

std::vector<std::string> FeatureFiles::notes() const {
  if (files_with_headings_.empty()) return {};
  const std::size_t count = files_with_headings_.size();
  return {fmt::format("{}: the first row is taken for headings, not for a step ({}){}",
                      printable(first_with_headings_.string()), excerpt(fmt::format("{}", fmt::join(headings_, ","))),
                      count == 1 ? "" : fmt::format("; so is that of {} CSV files in all", count))};
}

std::int64_t FeatureFiles::feature_dim(const std::filesystem::path& file, const std::string& id) {
  switch (reader_of(file)) {
    case Reader::kNpy:
      return read_npy_feature_dim(file);
    case Reader::kTorch:
      return tensors_.open(file, id).feature_dim(id);
    case Reader::kTable:
      break;
  }
  return read_feature_table_dim(file);
}

}  // namespace alignment::io
