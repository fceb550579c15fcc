#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/store/tse_writer.hpp"

namespace alignment::io {

/// What one store holds, read without its features.
struct StoreSummary {
  std::filesystem::path file;
  std::uint64_t bytes = 0;  ///< size of the file
  std::int64_t sample_count = 0;
  std::int64_t step_count = 0;  ///< rows of /features: the sum of T
  std::int64_t feature_dim = 0;
  std::vector<std::string> class_names;          ///< [C]
  std::array<std::int64_t, 3> samples_of{};      ///< samples of each Split: train, validation, test
  std::int64_t unlabelled = 0;                   ///< samples without a label
  std::int64_t logits = 0;                       ///< C, or a multiple, where the last features are the encoder's logits
  std::vector<std::int64_t> class_counts;        ///< [C] samples of each class, all splits
  std::vector<std::int64_t> class_train_counts;  ///< [C] samples of each class in the train split
  std::int64_t shortest = 0, longest = 0;        ///< steps
  double median_length = 0;                      ///< steps
  FeatureType feature_type = FeatureType::kFloat32;
  std::vector<std::int64_t> chunk;       ///< rows and features of a chunk of /features; empty where it is not chunked
  int gzip_level = 0;                    ///< of /features; 0: not compressed
  std::vector<std::string> filters;      ///< of /features, in the order applied: "shuffle", "deflate", "fletcher32"
  std::uint64_t feature_bytes = 0;       ///< what /features takes in the file
  std::string encoder, source;           ///< empty where the store does not say
  std::vector<std::string> phase_names;  ///< empty where the store has none
  bool has_digests = false, has_frame_labels = false, has_timestamps = false;
  std::uint64_t identity = 0;  ///< TseStore::identity()
};

/// Opens `file` as a TseStore would, with all its checks. Throws StoreError.
[[nodiscard]] StoreSummary summarize_store(const std::filesystem::path& file);

/// What else lies in the file beside a store: members, and attributes of the file itself, which nothing here reads and
/// no new store made of it has. Throws StoreError.
[[nodiscard]] std::vector<std::string> foreign_content(const std::filesystem::path& file);

/// What a check of every sample found.
struct StoreReport {
  static constexpr std::size_t kMostProblems = 20;

  std::filesystem::path file;
  bool opened = false;  ///< false: the only problem is why
  std::int64_t sample_count = 0;
  std::int64_t samples_read = 0;      ///< read whole, digest (where stored) and finiteness as they should be
  bool has_digests = false;           ///< false: the content could not be compared with anything
  std::int64_t problem_count = 0;     ///< all of them
  std::int64_t not_finite_count = 0;  ///< of these, numbers that are NaN or infinite
  std::vector<std::string> problems;  ///< the first kMostProblems, one line each

  [[nodiscard]] bool good() const { return opened && problem_count == 0; }
};

/// Reads every sample of `file`, with its frame labels and timestamps, and collects what is wrong. Does not throw for a
/// bad store.
[[nodiscard]] StoreReport check_store(const std::filesystem::path& file);

}  // namespace alignment::io
