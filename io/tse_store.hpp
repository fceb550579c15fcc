#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace dejavid::io {

enum class Split : std::uint8_t { kTrain = 0, kValidation = 1, kTest = 2 };

/// One or more TSE stores opened for reading as one, in the order given (format: docs/store-format.md).
///
/// Opening reads and checks everything but the features: schema, types, bounds, that every file is complete, that several files
/// agree on feature_dim, classes and class names. Throws StoreError. Features are read sample by sample with the serial driver.
/// Not thread-safe: one thread at a time may call read_sample(); the const accessors are safe from any thread.
class TseStore {
 public:
  explicit TseStore(const std::vector<std::filesystem::path>& files);
  ~TseStore();
  TseStore(TseStore&&) noexcept;
  TseStore& operator=(TseStore&&) noexcept;

  [[nodiscard]] std::int64_t sample_count() const;
  [[nodiscard]] std::int64_t feature_dim() const;
  [[nodiscard]] std::int32_t class_count() const;
  [[nodiscard]] const std::vector<std::string>& class_names() const;

  [[nodiscard]] std::int64_t length(std::int64_t sample) const;  ///< steps T of the sample
  [[nodiscard]] std::int32_t label(std::int64_t sample) const;   ///< 0..C-1
  [[nodiscard]] Split split(std::int64_t sample) const;
  [[nodiscard]] const std::string& id(std::int64_t sample) const;
  /// Samples of one split in ascending order.
  [[nodiscard]] std::vector<std::int64_t> samples_of(Split split) const;
  /// `file:features:sample 12 (id)`, for messages.
  [[nodiscard]] std::string describe(std::int64_t sample) const;
  /// Files whose samples carry no digest: their content cannot be checked.
  [[nodiscard]] std::vector<std::filesystem::path> files_without_digests() const;
  /// XXH64 over everything but the features, the stored digests included: equal on every rank that reads the same data.
  [[nodiscard]] std::uint64_t identity() const;

  /// Reads one sample into `destination`, [T,F] f32, f16 widened. At the sample's first read by this object its digest and that
  /// every feature is finite are checked. Throws StoreError, NotFiniteError.
  void read_sample(std::int64_t sample, float* destination);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dejavid::io
