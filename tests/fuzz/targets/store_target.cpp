#include "io/store/tse_store.hpp"

#include <xxhash.h>

#include <array>
#include <set>

#include "io/bytes/digest.hpp"
#include "io/errors.hpp"
#include "io/store/store_check.hpp"
#include "io/store/tse_writer.hpp"
#include "tests/fuzz/handmade_hdf5.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "store";

namespace {

constexpr std::array<std::int64_t, 5> kLengths{2, 3, 1, 4, 2};
constexpr std::int64_t kRows = 12;
// The same samples in a store by hand.
constexpr std::array<std::int64_t, 6> kOffsets{0, 2, 5, 6, 10, 12};
constexpr std::array<std::int32_t, 5> kLabels{0, 1, 2, 0, 1};
constexpr std::array<std::uint8_t, 5> kSplit{0, 0, 0, 1, 2};

std::vector<float> features(std::int64_t rows, std::int64_t dim, float first) {
  std::vector<float> values(static_cast<std::size_t>(rows * dim));
  for (std::size_t n = 0; n < values.size(); ++n) values[n] = first + 0.25F * static_cast<float>(n);
  return values;
}

void write_own(const std::filesystem::path& file, std::int64_t dim, io::TseWriterOptions options, bool phases) {
  io::TseStoreHeader header{dim, {"one", "two", "three"}, "an encoder", "a source"};
  if (phases) header.phase_names = {"reach", "lift"};
  io::TseWriter writer(file, header, options);
  for (std::size_t n = 0; n < kLengths.size(); ++n) {
    const auto values = features(kLengths[n], dim, static_cast<float>(n));
    const std::vector<std::int32_t> labels(phases ? static_cast<std::size_t>(kLengths[n]) : 0, 1);
    const std::vector<double> seconds(labels.size(), 0.5);
    writer.append({"sample-" + std::to_string(n), static_cast<std::int32_t>(n % 3), static_cast<io::Split>(n % 3),
                   values, labels, seconds});
  }
  writer.finish();
}

void write_handmade(const std::filesystem::path& path, bool latest, hsize_t chunk_rows, bool gzip) {
  constexpr std::int64_t kDim = 4;
  const HandmadeFile file(path, latest);
  file.attribute("format", "dejavid-tse");
  file.attribute("version", 1);
  file.attribute("feature_dim", kDim);
  file.attribute("num_classes", 3);
  file.attribute("encoder", "by hand");
  file.attribute("complete", 1);
  file.dataset("features", H5T_IEEE_F32LE, {kRows, kDim}, features(kRows, kDim, 0).data(), chunk_rows, gzip);
  file.dataset("offsets", H5T_STD_I64LE, {kOffsets.size()}, kOffsets.data());
  file.dataset("labels", H5T_STD_I32LE, {kLabels.size()}, kLabels.data(), gzip ? 2 : 0, gzip);
  file.dataset("split", H5T_STD_U8LE, {kSplit.size()}, kSplit.data());
  file.texts("ids", {"a", "bb", "ccc", "d", "e"}, 3);
  file.texts("class_names", {"one", "two", "three"}, 5);
}

/// Features that nothing but the digests protects; everything else has checksums of HDF5's.
void write_bare_features(const std::filesystem::path& path) {
  constexpr std::int64_t kDim = 4;
  const HandmadeFile file(path, true);
  file.attribute("format", "dejavid-tse");
  file.attribute("version", 1);
  file.attribute("feature_dim", kDim);
  file.attribute("num_classes", 3);
  file.attribute("complete", 1);
  const auto values = features(kRows, kDim, 0);
  std::array<std::uint64_t, 5> digests{};
  for (std::size_t n = 0; n < digests.size(); ++n) {
    digests[n] = XXH64(values.data() + kOffsets[n] * kDim,
                       static_cast<std::size_t>((kOffsets[n + 1] - kOffsets[n]) * kDim) * sizeof(float), 0);
  }
  file.dataset("features", H5T_IEEE_F32LE, {kRows, kDim}, values.data());
  file.dataset("offsets", H5T_STD_I64LE, {kOffsets.size()}, kOffsets.data(), kOffsets.size(), true);
  file.dataset("labels", H5T_STD_I32LE, {kLabels.size()}, kLabels.data(), kLabels.size(), true);
  file.dataset("split", H5T_STD_U8LE, {kSplit.size()}, kSplit.data(), kSplit.size(), true);
  file.dataset("digests", H5T_STD_U64LE, {digests.size()}, digests.data(), digests.size(), true);
  file.texts("ids", {"a", "bb", "ccc", "d", "e"}, 3, 5, true);
  file.texts("class_names", {"one", "two", "three"}, 5, 3, true);
}

/// XXH64 of everything that the store hands out.
std::uint64_t content_of(io::TseStore& store) {
  io::Digest digest;
  digest.add(store.identity());
  for (const std::string& name : store.phase_names()) digest.add(name);
  for (std::int64_t n = 0; n < store.sample_count(); ++n) {
    std::vector<float> values(static_cast<std::size_t>(store.length(n) * store.feature_dim()));
    store.read_sample(n, values.data());
    digest.add(values);
    if (store.has_frame_labels()) digest.add(store.read_frame_labels(n));
    if (store.has_timestamps()) digest.add(store.read_timestamps(n));
  }
  return digest.value();
}

std::set<std::uint64_t> contents_of_seeds(const std::filesystem::path& folder) {
  std::set<std::uint64_t> contents;
  for (const auto& seed : seeds()) {
    const auto file = folder / "seed.h5";
    write_input(file, seed);
    io::TseStore store({file});
    contents.insert(content_of(store));
  }
  return contents;
}

}  // namespace

std::vector<std::string> seeds() {
  return {
      bytes_of_file([](const auto& file) {
        write_own(file, 16, {io::FeatureType::kFloat32, 0}, true);
      }),
      bytes_of_file([](const auto& file) {
        write_own(file, 5, {io::FeatureType::kFloat16, 1}, false);
      }),
      bytes_of_file([](const auto& file) {
        write_own(file, 6, {io::FeatureType::kFloat32, 1}, true);
      }),
      bytes_of_file([](const auto& file) { write_handmade(file, false, 0, false); }),
      bytes_of_file([](const auto& file) { write_handmade(file, false, 5, true); }),
      bytes_of_file([](const auto& file) { write_handmade(file, true, 5, true); }),
      bytes_of_file(write_bare_features),
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  static const std::set<std::uint64_t> known = contents_of_seeds(folder);
  const auto file = folder / "input.h5";
  write_input(file, input);
  return returns<io::StoreError, io::NotFiniteError>(file, [&] {
    static_cast<void>(io::summarize_store(file));
    io::TseStore store({file});
    const std::uint64_t content = content_of(store);
    if (store.files_without_digests().empty() && !known.contains(content))
      throw BrokenPromise("content that was never written, in spite of its digests");
  });
}

}  // namespace alignment::fuzz
