#include "src/encoding/job/parts_source.hpp"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "io/bytes/digest.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"

namespace alignment::encoding {

void PartsSource::next(io::SourceSample& sample) {
  const auto& [video, entry] = samples_[position_++];
  sample.id = video->id;
  sample.origin = fmt::format("{} (id '{}')", entry->rows_file.string(), io::printable(video->id));
  sample.label = video->label;
  sample.split = video->split;
  sample.features.resize(static_cast<std::size_t>(entry->rows * header_.feature_dim));
  sample.timestamps.resize(static_cast<std::size_t>(entry->rows));
  if (!rows_ || rows_->path() != entry->rows_file) rows_ = std::make_unique<io::FileReader>(entry->rows_file);
  const auto read = [&](std::uint64_t at, auto& numbers) {
    const auto bytes = std::as_writable_bytes(std::span(numbers));
    rows_->read(at, {reinterpret_cast<char*>(bytes.data()), bytes.size()});
    return at + bytes.size();
  };
  read(read(entry->offset, sample.features), sample.timestamps);
  io::Digest digest;
  digest.add(sample.features);
  digest.add(sample.timestamps);
  if (digest.value() == entry->digest) return;
  throw io::StoreError(
      fmt::format("{}: found other rows than were written; expected them unchanged; start the same command again, "
                  "which encodes this video again",
                  sample.origin));
}

}  // namespace alignment::encoding
