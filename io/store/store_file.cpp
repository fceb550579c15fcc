#include "io/store/store_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <array>

#include "io/bytes/digest.hpp"
#include "io/bytes/file_time.hpp"
#include "io/bytes/first_few.hpp"
#include "io/bytes/half_float.hpp"
#include "io/bytes/repeated_name.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/hdf5/crash_guard.hpp"

namespace alignment::io {
namespace {

using hdf5::Refusal;

void require_count(std::string_view dataset, std::size_t found, std::size_t expected, std::string_view because) {
  if (found != expected) {
    throw Refusal(fmt::format(":{}: found {} entries; expected {} ({}); make the store again", dataset, found, expected,
                              because));
  }
}

/// Features, series and videos are told how they become a store.
std::string way_to_a_store(const std::filesystem::path& file, ContentKind kind) {
  switch (kind) {
    case ContentKind::kText:
      return fmt::format("or make a store of a table of samples: dejavid_convert npy --manifest {} --out STORE.h5",
                         file.string());
    case ContentKind::kNpy:
    case ContentKind::kZip:
    case ContentKind::kLegacyTorch:
      return "or list such files in a table and make a store: dejavid_convert npy --manifest TABLE.csv --out STORE.h5";
    case ContentKind::kSeries:
      return fmt::format("or make a store: dejavid_convert ts --train {} --out STORE.h5", file.string());
    case ContentKind::kVideo:
      return "or make a store of videos: dejavid_encode --videos FOLDER --encoder ENCODER --windows fraction --out "
             "STORE.h5";
    default:
      return {};
  }
}

void require_header(const hdf5::Handle& root) {
  const auto format = hdf5::text_attribute(root, "format");
  if (!format || *format != kStoreFormat) {
    throw Refusal(
        fmt::format(":attribute format: found {}; expected \"{}\"; name a TSE store (dejavid_convert makes them)",
                    format ? "\"" + printable(*format) + "\"" : "none", kStoreFormat));
  }
  const auto version = hdf5::integer_attribute(root, "version");
  if (!version || *version != kStoreVersion) {
    throw Refusal(
        fmt::format(":attribute version: found {}; expected {}; make the store again with this version's tools",
                    version ? std::to_string(*version) : "none", kStoreVersion));
  }
  const auto complete = hdf5::integer_attribute(root, "complete");
  if (!complete || *complete != 1) {
    throw Refusal(fmt::format(":attribute complete: found {}; expected 1; the store was not finished: make it again",
                              complete ? std::to_string(*complete) : "none"));
  }
}

std::int64_t required_integer(const hdf5::Handle& root, const char* name) {
  const auto value = hdf5::integer_attribute(root, name);
  if (!value) throw Refusal(fmt::format(":attribute {}: found none; expected an integer; make the store again", name));
  return *value;
}

/// Integers of rank 1 that all lie in least .. limit-1.
template <typename T>
std::vector<T> read_bounded(const hdf5::Handle& root, const char* name, std::int64_t limit, std::int64_t least = 0) {
  const auto dataset = hdf5::open_dataset(root, name);
  hdf5::require_rank(dataset, 1, "one dimension");
  const auto values = hdf5::read_integers(dataset);
  std::vector<T> bounded;
  bounded.reserve(values.size());
  FirstFew samples, outside;
  for (std::size_t n = 0; n < values.size(); ++n) {
    if (values[n] < least || values[n] >= limit) {
      samples.add(n);
      outside.add(values[n]);
    }
    bounded.push_back(static_cast<T>(values[n]));
  }
  if (samples.count() > 0) {
    throw Refusal(fmt::format(":{}:{} {}: found {}; expected {} to {}; make the store again", name,
                              samples.count() == 1 ? "sample" : "samples", samples.text(), outside.text(), least,
                              limit - 1));
  }
  return bounded;
}

}  // namespace

std::uint64_t digest_of_names(const std::vector<std::string>& names) {
  Digest digest;
  for (const auto& name : names) digest.add(name);
  return digest.value();
}

std::optional<std::string> wrong_phase(std::span<const std::int32_t> labels, std::size_t names) {
  const auto wrong = std::find_if(labels.begin(), labels.end(), [names](std::int32_t label) {
    return label < -1 || (names > 0 && label >= 0 && static_cast<std::size_t>(label) >= names);
  });
  if (wrong == labels.end()) return std::nullopt;
  return fmt::format(
      "found phase {} at step {}; expected {}", *wrong, wrong - labels.begin(),
      names == 0 ? "-1, none, or a number from 0 on" : fmt::format("-1 to {} (/phase_names)", names - 1));
}

FileFacts FileFacts::of(const std::filesystem::path& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size, modified_nanoseconds(found)};
}

StoreFile::StoreFile(std::filesystem::path file) : path_(std::move(file)) {
  try {
    naming(path_, [this] { open(); });
  } catch (...) {
    close();
    throw;
  }
}

StoreFile::~StoreFile() {
  close();
}

void StoreFile::close() {
  const CrashGuard guard(path_, GuardedFile::kStore);
  timestamps_.reset();
  frame_labels_.reset();
  features_ = {};
  half_type_ = {};
  file_ = {};
}

void StoreFile::open() {
  facts_ = FileFacts::of(path_);  // before opening: a change meanwhile is met at the first read
  file_ = hdf5::open_for_reading(path_, "TSE store", way_to_a_store);
  const auto root = hdf5::owned(H5Gopen2(file_.get(), "/", H5P_DEFAULT), H5Gclose, "", "opening its root");
  require_header(root);
  read_index(root);
  open_features(root);
  check_index();
  hdf5::require_digest(root, kIndexDigestAttribute, fmt::format(":attribute {}", kIndexDigestAttribute),
                       index_.digest());
  set_index(std::move(index_));
}

void StoreFile::read_index(const hdf5::Handle& root) {
  index_.feature_dim = required_integer(root, "feature_dim");
  const std::int64_t classes = required_integer(root, "num_classes");
  if (index_.feature_dim < 1) {
    throw Refusal(
        fmt::format(":attribute feature_dim: found {}; expected at least 1; make the store again", index_.feature_dim));
  }
  const bool unlabelled = hdf5::integer_attribute(root, kUnlabelledAttribute).value_or(0) == 1;
  const bool without_classes = unlabelled && classes == 0;  // new samples, of which nothing is known
  if (!without_classes) index_.class_names = hdf5::read_texts(hdf5::open_dataset(root, "class_names"));
  if ((classes < 1 && !without_classes) || static_cast<std::size_t>(classes) != index_.class_names.size() ||
      classes > INT32_MAX) {
    throw Refusal(
        fmt::format(":class_names: found {} names; expected {} (num_classes), at least one; make the store again",
                    index_.class_names.size(), classes));
  }
  if (const auto repeated = repeated_name(index_.class_names)) {
    const auto first = std::find(index_.class_names.begin(), index_.class_names.end(), *repeated);
    const auto second = std::find(first + 1, index_.class_names.end(), *repeated);
    throw Refusal(
        fmt::format(":class_names: found \"{}\" for class {} and class {}; expected every name once; rename or join "
                    "the classes and "
                    "make the store again",
                    printable(*repeated), first - index_.class_names.begin(), second - index_.class_names.begin()));
  }
  index_.encoder = hdf5::text_attribute(root, "encoder").value_or("");
  index_.source = hdf5::text_attribute(root, "source").value_or("");

  index_.logits = hdf5::integer_attribute(root, kLogitsAttribute).value_or(0);
  if (!fits_logits(index_.logits, classes, index_.feature_dim)) {
    throw Refusal(fmt::format(
        ":attribute {}: found {}; expected {} or a multiple of it, one logit a class among {} features; make the "
        "store again, or remove the attribute",
        kLogitsAttribute, index_.logits, classes, index_.feature_dim));
  }

  if (hdf5::has_member(root, "phase_names")) {
    const auto names = hdf5::open_dataset(root, "phase_names");
    index_.phase_names = hdf5::read_texts(names);
    hdf5::require_digest(names.id, kDigestAttribute, names.where(), digest_of_names(index_.phase_names));
    if (const auto repeated = repeated_name(index_.phase_names)) {
      throw Refusal(fmt::format(":phase_names: found \"{}\" twice; expected every name once; make the store again",
                                printable(*repeated)));
    }
  }

  const auto offsets = hdf5::open_dataset(root, "offsets");
  hdf5::require_rank(offsets, 1, "one dimension");
  index_.offsets = hdf5::read_integers(offsets);
  index_.labels = read_bounded<std::int32_t>(root, "labels", classes, unlabelled ? kNoLabel : 0);
  index_.splits = read_bounded<Split>(root, "split", 3);
  index_.ids = hdf5::read_texts(hdf5::open_dataset(root, "ids"));
  if (hdf5::has_member(root, "digests")) {
    const auto digests = hdf5::open_dataset(root, "digests");
    hdf5::require_rank(digests, 1, "one dimension");
    index_.digests = hdf5::read_digests(digests);
    require_count("digests", index_.digests.size(), index_.labels.size(), "as labels");
  }
}

void StoreFile::open_features(const hdf5::Handle& root) {
  features_ = hdf5::open_dataset(root, "features");
  hdf5::require_rank(features_, 2, "two dimensions, [sum of T, F]");
  const hid_t type = features_.type.get();
  half_type_ = hdf5::float16_type();
  const auto half_big_endian = hdf5::float16_type();
  hdf5::checked(H5Tset_order(half_big_endian.get(), H5T_ORDER_BE), "", "half precision type");
  half_precision_ = H5Tequal(type, half_type_.get()) > 0 || H5Tequal(type, half_big_endian.get()) > 0;
  if (!half_precision_ && H5Tequal(type, H5T_IEEE_F32LE) <= 0 && H5Tequal(type, H5T_IEEE_F32BE) <= 0) {
    throw Refusal(fmt::format(
        ":features: found {}; expected f32 or f16 (IEEE); convert them (NumPy: astype('f4')) and make the store again",
        hdf5::describe_type(type)));
  }
  if (features_.shape[1] != index_.feature_dim) {
    throw Refusal(
        fmt::format(":features: found {} features a step; expected {} (attribute feature_dim); make the store again",
                    features_.shape[1], index_.feature_dim));
  }
  if (const auto chunk = hdf5::chunk_of(features_); !chunk.empty()) {
    // A sample often ends in the chunk in which the next one begins; more than a few chunks would only be memory.
    const std::size_t chunk_bytes = static_cast<std::size_t>(chunk[0] * chunk[1]) * H5Tget_size(type);
    const std::size_t across = static_cast<std::size_t>((features_.shape[1] + chunk[1] - 1) / chunk[1]);
    constexpr std::size_t kLeast = std::size_t{1} << 20U, kMost = std::size_t{64} << 20U;
    hdf5::set_chunk_cache(features_, root, std::max(chunk_bytes, std::clamp(2 * across * chunk_bytes, kLeast, kMost)));
  }

  const auto open_optional = [&](const char* name) -> std::optional<hdf5::Dataset> {
    if (!hdf5::has_member(root, name)) return {};
    auto dataset = hdf5::open_dataset(root, name);
    hdf5::require_rank(dataset, 1, "one dimension");
    require_count(name, static_cast<std::size_t>(dataset.shape[0]), static_cast<std::size_t>(features_.shape[0]),
                  "the rows of features");
    return dataset;
  };
  frame_labels_ = open_optional("frame_labels");
  timestamps_ = open_optional("timestamps");
  if (frame_labels_ && H5Tget_class(frame_labels_->type.get()) != H5T_INTEGER) {
    throw Refusal(fmt::format(":frame_labels: found {}; expected integers; make the store again",
                              hdf5::describe_type(frame_labels_->type.get())));
  }
  if (timestamps_ && H5Tget_class(timestamps_->type.get()) != H5T_FLOAT) {
    throw Refusal(fmt::format(":timestamps: found {}; expected f64; make the store again",
                              hdf5::describe_type(timestamps_->type.get())));
  }
}

void StoreFile::check_index() const {
  const std::size_t samples = index_.labels.size();
  if (samples == 0) throw Refusal(":labels: found no samples; expected at least one; make the store again");
  require_count("offsets", index_.offsets.size(), samples + 1, "one more than labels");
  require_count("split", index_.splits.size(), samples, "as labels");
  require_count("ids", index_.ids.size(), samples, "as labels");
  if (index_.offsets.front() != 0) {
    throw Refusal(
        fmt::format(":offsets: found {} at the start; expected 0; make the store again", index_.offsets.front()));
  }
  for (std::size_t n = 0; n < samples; ++n) {
    if (index_.offsets[n + 1] <= index_.offsets[n]) {
      throw Refusal(
          fmt::format(":offsets:sample {} ({}): found rows {} to {}; expected at least one step; make the store again",
                      n, printable(index_.ids[n]), index_.offsets[n], index_.offsets[n + 1]));
    }
    if (index_.offsets[n + 1] - index_.offsets[n] > kMostSteps) {
      throw Refusal(fmt::format(
          ":offsets:sample {} ({}): found {} steps; expected at most {}; cut the sample and make the store again", n,
          printable(index_.ids[n]), index_.offsets[n + 1] - index_.offsets[n], kMostSteps));
    }
  }
  if (index_.offsets.back() != features_.shape[0]) {
    throw Refusal(fmt::format(":offsets: found {} at the end; expected {}, the rows of features; make the store again",
                              index_.offsets.back(), features_.shape[0]));
  }
}

std::string StoreFile::describe(std::int64_t sample, std::string_view dataset) const {
  return fmt::format("{}:{}:sample {} ({})", path_.string(), dataset, sample,
                     printable(index_.ids[static_cast<std::size_t>(sample)]));
}

void StoreFile::require_unchanged() const {
  const FileInUse in_use(path_);
  if (FileFacts::of(path_) != facts_) {
    throw StoreError(fmt::format(
        "{}: found a file that changed after it was opened; expected the same size, time and inode; leave it alone "
        "while it is read, and start again",
        path_.string()));
  }
}

void StoreFile::read_rows(const hdf5::Dataset& dataset, std::int64_t sample, hid_t memory_type,
                          void* destination) const {
  const hdf5::LibraryLock lock(path_);
  const CrashGuard guard(path_, GuardedFile::kStore);
  const std::size_t rank = dataset.shape.size();
  std::array<hsize_t, 2> start{static_cast<hsize_t>(index_.offsets[static_cast<std::size_t>(sample)]), 0};
  std::array<hsize_t, 2> count{static_cast<hsize_t>(length(sample)),
                               static_cast<hsize_t>(rank == 2 ? dataset.shape[1] : 0)};
  bool good =
      H5Sselect_hyperslab(dataset.space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) >= 0;
  if (good) {
    const hdf5::Handle memory(H5Screate_simple(static_cast<int>(rank), count.data(), nullptr), H5Sclose);
    good = memory.valid() &&
           H5Dread(dataset.id.get(), memory_type, memory.get(), dataset.space.get(), H5P_DEFAULT, destination) >= 0;
  }
  if (!good) {
    throw StoreError(fmt::format(
        "{}: found damaged data (HDF5: {}); expected what was written; copy the store again or make it again",
        describe(sample, dataset.name), hdf5::innermost_message()));
  }
}

void StoreFile::read_stored(std::int64_t sample, void* destination) {
  require_unchanged();
  read_rows(features_, sample, half_precision_ ? half_type_.get() : H5T_NATIVE_FLOAT, destination);
  if (is_checked(sample) || index_.digests.empty()) return;
  const std::size_t width = half_precision_ ? sizeof(std::uint16_t) : sizeof(float);
  const std::uint64_t digest = XXH64(destination, element_count(sample) * width, 0);
  const std::uint64_t expected = index_.digests[static_cast<std::size_t>(sample)];
  if (digest != expected) {
    throw StoreError(fmt::format(
        "{}: found content of digest {:016x}; expected {:016x} (/digests); copy the store again or make it again",
        describe(sample), digest, expected));
  }
}

void StoreFile::read_content(std::int64_t sample, float* destination) {
  if (!half_precision_) return read_stored(sample, destination);
  half_.resize(element_count(sample));
  read_stored(sample, half_.data());
  std::transform(half_.begin(), half_.end(), destination, widen_half);
}

void StoreFile::read_halves(std::int64_t sample, std::uint16_t* destination) {
  if (!half_precision_) throw std::logic_error("halves of a store that has none");
  read_stored(sample, destination);
  if (is_checked(sample)) return;
  widened_.resize(element_count(sample));
  std::transform(destination, destination + widened_.size(), widened_.begin(), widen_half);
  require_finite(sample, widened_.data());
}

std::string StoreFile::mending() const {
  return "mend or leave out the sample and make the store again, or set data.bad_samples = \"skip\"";
}

std::string StoreFile::scaling() const {
  return "scale the features down and make the store again";
}

/// Reads everything once where a digest says what it must be.
void StoreFile::check_whole(const hdf5::Dataset& dataset, hid_t type, bool& checked) const {
  if (std::exchange(checked, true)) return;
  naming(path_, [&] {
    if (!hdf5::unsigned_attribute(dataset.id, kDigestAttribute)) return;
    std::vector<std::byte> bytes(static_cast<std::size_t>(dataset.element_count()) * H5Tget_size(type));
    hdf5::checked(H5Dread(dataset.id.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), dataset.where(),
                  "reading it");
    hdf5::require_digest(dataset.id, kDigestAttribute, dataset.where(), digest_of(bytes));
  });
}

std::vector<std::int32_t> StoreFile::read_frame_labels(std::int64_t sample) {
  if (!frame_labels_)
    throw StoreError(
        fmt::format("{}:frame_labels: found none; expected one a step; make the store again", path_.string()));
  require_unchanged();
  check_whole(*frame_labels_, H5T_STD_I32LE, frame_labels_checked_);
  // HDF5 takes what does not fit for the nearest that does, so phases are read wide and looked at first.
  std::vector<std::int64_t> wide(static_cast<std::size_t>(length(sample)));
  read_rows(*frame_labels_, sample, H5T_NATIVE_INT64, wide.data());
  std::vector<std::int32_t> labels;
  labels.reserve(wide.size());
  for (const std::int64_t label : wide) {
    if (!std::in_range<std::int32_t>(label)) {
      throw StoreError(fmt::format("{}: found phase {} at step {}; expected numbers of 32 bits; make the store again",
                                   describe(sample, "frame_labels"), label, labels.size()));
    }
    labels.push_back(static_cast<std::int32_t>(label));
  }
  if (const auto wrong = wrong_phase(labels, index_.phase_names.size())) {
    throw StoreError(fmt::format("{}: {}; make the store again", describe(sample, "frame_labels"), *wrong));
  }
  return labels;
}

std::vector<double> StoreFile::read_timestamps(std::int64_t sample) {
  if (!timestamps_)
    throw StoreError(
        fmt::format("{}:timestamps: found none; expected one a step; make the store again", path_.string()));
  require_unchanged();
  check_whole(*timestamps_, H5T_IEEE_F64LE, timestamps_checked_);
  std::vector<double> seconds(static_cast<std::size_t>(length(sample)));
  read_rows(*timestamps_, sample, H5T_NATIVE_DOUBLE, seconds.data());
  for (std::size_t step = 0; step < seconds.size(); ++step) {
    if (!std::isfinite(seconds[step])) {
      throw NotFiniteError(fmt::format("{}: found {} at step {}; expected finite seconds; make the store again",
                                       describe(sample, "timestamps"), seconds[step], step));
    }
  }
  return seconds;
}

}  // namespace alignment::io
