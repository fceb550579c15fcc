#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace alignment::io {

enum class Split : std::uint8_t { kTrain = 0, kValidation = 1, kTest = 2 };

/// The label of a sample whose class nobody has said, or that is none of those in question.
inline constexpr std::int32_t kNoLabel = -1;

/// The frame label of a step that belongs to no phase, or of which nobody has said.
inline constexpr std::int32_t kNoPhase = -1;
/// Whether any of a sample's steps belongs to a phase.
[[nodiscard]] inline bool has_phases(std::span<const std::int32_t> frame_labels) {
  return std::any_of(frame_labels.begin(), frame_labels.end(), [](std::int32_t phase) { return phase >= 0; });
}

/// How the classes of several stores become one list. They are matched by name, whatever their order.
enum class ClassMatching : std::uint8_t {
  kSame,   ///< all have the same ones, in the first store's order
  kUnion,  ///< each may have a part: those of the first store, then what the others add
};

/// A feature that is NaN or infinite, the first of its sample.
struct NotFinite {
  std::int64_t step = 0, feature = 0;
  float value = 0;
};

class StorePart;

/// One or more TSE stores opened for reading as one, in the order given (format: docs/reference/files.md); or samples
/// in memory in their place (memory_samples.hpp).
///
/// Opening reads and checks everything but the features: schema, types, bounds, that every file is complete, that
/// several files agree on feature_dim and fit `matching`. Throws StoreError. Features are read sample by sample
/// with the serial driver. Any thread may call any member: reads of one store wait for each other, and all HDF5 calls
/// of the process take turns.
class TseStore {
 public:
  explicit TseStore(const std::vector<std::filesystem::path>& files, ClassMatching matching = ClassMatching::kSame);
  explicit TseStore(std::vector<std::unique_ptr<StorePart>> parts, ClassMatching matching = ClassMatching::kSame);
  ~TseStore();
  TseStore(TseStore&&) noexcept;
  TseStore& operator=(TseStore&&) noexcept;

  [[nodiscard]] std::int64_t sample_count() const;
  [[nodiscard]] std::int64_t feature_dim() const;
  [[nodiscard]] std::int32_t class_count() const;
  [[nodiscard]] const std::vector<std::string>& class_names() const;

  [[nodiscard]] std::int64_t length(std::int64_t sample) const;  ///< steps T of the sample
  [[nodiscard]] std::int32_t label(std::int64_t sample) const;   ///< 0..C-1, or kNoLabel
  /// The name of the sample's class as its file gives it; empty for a sample without a label.
  [[nodiscard]] const std::string& class_name(std::int64_t sample) const;
  /// Labels of the encoder's logits, which are the sample's last features: one entry a logit, kNoLabel for a class that
  /// is not in class_names(). Empty where its file does not say that it holds logits.
  [[nodiscard]] const std::vector<std::int32_t>& logit_labels(std::int64_t sample) const;
  /// How many times these logits stand there, one set behind the other: once for every window of a step.
  [[nodiscard]] std::int64_t logit_sets(std::int64_t sample) const;
  [[nodiscard]] Split split(std::int64_t sample) const;
  [[nodiscard]] const std::string& id(std::int64_t sample) const;
  /// Samples of one split in ascending order, but for those left out.
  [[nodiscard]] std::vector<std::int64_t> samples_of(Split split) const;
  /// `file:features:sample 12 (id)`, for messages.
  [[nodiscard]] std::string describe(std::int64_t sample) const;
  /// "a.h5", "a.h5 and 2 others", for messages.
  [[nodiscard]] std::string describe_files() const;
  /// What made the features, as the files say, each once; a merged file names several.
  [[nodiscard]] std::vector<std::string> encoders() const;
  /// Files whose samples carry no digest: their content cannot be checked.
  [[nodiscard]] std::vector<std::string> files_without_digests() const;
  /// XXH64 over everything but features, phases and times, the digests of features included: equal on every rank that
  /// reads the same samples.
  [[nodiscard]] std::uint64_t identity() const;
  /// XXH64 over the phases of all steps and their names, and whether there are any; no part of identity(). The first
  /// call reads them. Throws StoreError.
  [[nodiscard]] std::uint64_t phase_identity() const;
  /// The same of the times of all steps. Throws StoreError, NotFiniteError.
  [[nodiscard]] std::uint64_t time_identity() const;

  /// From now on the classes are these (a model's), matched by name: label() is a position there, or kNoLabel.
  void adopt_classes(const std::vector<std::string>& names);
  /// From now on samples_of() passes over these. identity() and the numbers of samples stay.
  void leave_out(const std::vector<std::int64_t>& samples);
  /// From now on these are of the val split, whatever their files say. identity() stays.
  void move_to_validation(const std::vector<std::int64_t>& samples);
  /// Whether it has moved any.
  [[nodiscard]] bool has_moved_samples() const;
  /// From now on a sample is refused, at its first read, that has a feature of larger magnitude. Throws NotFiniteError.
  void limit_features(float largest);
  /// Refuses files that are no longer the ones that were opened, without reading them. Throws StoreError.
  void require_unchanged() const;
  /// Refuses what nothing can be learned from: fewer than two classes, a class without a sample of the train split, or
  /// a sample of the train split without a label. Throws StoreError. Stores that are only evaluated need not pass.
  void require_training_samples() const;

  /// Reads one sample into `destination`, [T,F] f32, f16 widened. At the sample's first read by this object its digest
  /// and that every feature is finite (and within limit_features()) are checked. Throws StoreError, NotFiniteError.
  void read_sample(std::int64_t sample, float* destination);
  /// The same where has_half_precision(), as the store holds them: the bits of halves.
  void read_halves(std::int64_t sample, std::uint16_t* destination);
  /// Reads one sample with the same checks, but says where it is NaN or infinite instead of throwing.
  [[nodiscard]] std::optional<NotFinite> find_not_finite(std::int64_t sample);

  /// True where every file holds its features in half precision.
  [[nodiscard]] bool has_half_precision() const;
  /// True where a file has /frame_labels.
  [[nodiscard]] bool has_frame_labels() const;
  /// True where every file has /timestamps.
  [[nodiscard]] bool has_timestamps() const;
  /// [T] phase of each step, kNoPhase none, as are all of a file without /frame_labels. Only where has_frame_labels().
  /// Throws StoreError.
  [[nodiscard]] std::vector<std::int32_t> read_frame_labels(std::int64_t sample);
  /// [P] names of the frame labels 0 .. P-1; empty where no file has them. Files that have them have the same.
  [[nodiscard]] const std::vector<std::string>& phase_names() const;
  /// [T] seconds. Only where has_timestamps(). Throws StoreError, NotFiniteError.
  [[nodiscard]] std::vector<double> read_timestamps(std::int64_t sample);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alignment::io
