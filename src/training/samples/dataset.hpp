#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dist/communicator.hpp"
#include "io/store/sample_stream.hpp"
#include "io/store/tse_store.hpp"
#include "src/config/sections.hpp"

namespace alignment {

/// What those who compute ask of the reader of their samples.
struct SampleNeeds {
  const io::SampleLayout* layout = nullptr;  ///< nullptr: rows in the width of the store
  /// Samples whose features stay where they are computed with, once seen, so that the reader keeps none; of none: it
  /// may keep them.
  std::vector<std::int64_t> kept_elsewhere;
  /// Whether a sample's features are followed by their slopes: by the layout, or where there is none by those who
  /// compute.
  bool slopes = false;
};
/// Collective. The needs for samples of this store.
using FindSampleNeeds = std::function<SampleNeeds(const io::TseStore&)>;

/// Up to there sums of distances, and squares of gradients, stay finite in f32.
inline constexpr float kLargestFeature = 1e15F;

/// The layout in which a stream hands out samples of the store; nullptr: rows of f32.
[[nodiscard]] inline const io::SampleLayout* stream_layout(const io::TseStore& store, const SampleNeeds& needs) {
  return needs.layout == nullptr && store.has_half_precision() ? &io::kHalfRows : needs.layout;
}

/// What a rank reads: the store and the one stream that reads from it.
struct Dataset {
  io::TseStore store;
  SampleNeeds needs;
  io::SampleStream stream;

  /// Collective. Opens data.store on every rank, agrees that all succeeded and read the same content and on what
  /// data.bad_samples leaves out, and chooses the cache. Without `find_needs` the stream hands out rows in the
  /// width of the store. Throws
  /// dist::AgreedFailure.
  static Dataset open(const SharedConfig& config, dist::Communicator& communicator,
                      const FindSampleNeeds& find_needs = {}, io::ClassMatching matching = io::ClassMatching::kSame);

  /// How work is done that waits for the store.
  using Wait = void (*)(std::chrono::duration<double> timeout, const std::function<void()>& work);
  /// Of samples in memory, for which nothing waits.
  static void wait_for_nothing(std::chrono::duration<double> timeout, const std::function<void()>& work);
  /// Of files. Work that takes longer than `timeout` ends the process with 14.
  static void wait_for_files(std::chrono::duration<double> timeout, const std::function<void()>& work);

  Dataset(io::TseStore opened, SampleNeeds asked, io::SampleCache cache, const SharedConfig& config, Wait way);

  /// Features that are computed with, slopes included.
  [[nodiscard]] std::int64_t feature_dim() const {
    return needs.slopes ? 2 * store.feature_dim() : store.feature_dim();
  }

  /// What the stream hands out next.
  const io::SampleBatch& next_batch();

  /// Does work that waits for the store.
  void wait(const std::function<void()>& work) const { wait_(timeout_, work); }
  /// As TseStore's.
  void require_unchanged() const;
  [[nodiscard]] std::vector<float> read_sample(std::int64_t sample);

 private:
  Wait wait_;
  std::chrono::duration<double> timeout_;
};

/// Collective. Agrees that all ranks read the same phases and times of data.store's steps, which Dataset::open() does
/// not compare: for those whose results depend on them. Throws dist::AgreedFailure.
void require_same_phases_and_times(const io::TseStore& store, const SharedConfig& config,
                                   dist::Communicator& communicator);

/// The sample of that id, whatever its split. `option` ("--query") and `expected` ("the id of one of 5 samples") are
/// for the message, which names the nearest ids. Throws ConfigError.
[[nodiscard]] std::int64_t find_sample(const io::TseStore& store, const std::string& id, std::string_view option,
                                       std::string_view expected);

/// Warns where the store's files name encoders that the model did not learn from: numbers of two encoders may be as
/// many and mean something else. `of_model`: as ModelContent has it; `file`: the model's. Where one of them does not
/// say, nothing.
void tell_other_encoders(const io::TseStore& store, std::string_view of_model, const std::filesystem::path& file);
/// Warns where the store's files name several encoders.
void tell_mixed_encoders(const io::TseStore& store);

/// Whether the store has a val split, be it one whose samples are all left out.
[[nodiscard]] bool has_validation(const io::TseStore& store);

/// The samples that an evaluation is about, and what to call them.
struct EvaluationSplit {
  io::Split split = io::Split::kValidation;
  const char* name = "val";
  std::vector<std::int64_t> samples;
};

/// auto: val, or test where there is no val. Its samples may be none. The val split is called "holdout" where its
/// samples were moved there.
[[nodiscard]] EvaluationSplit choose_split(const io::TseStore& store, EvalSplit choice);

/// The split without the samples that have no label among the store's classes.
[[nodiscard]] EvaluationSplit labelled(const io::TseStore& store, EvaluationSplit split);

}  // namespace alignment
