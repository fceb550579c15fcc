#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <variant>

#include "io/formats/feature_matrix.hpp"

namespace alignment::io {

/// A 2-D tensor as a file of torch.save describes it.
struct StoredTensor {
  enum class Type : std::uint8_t { kFloat16, kBFloat16, kFloat32, kFloat64 };
  Type type = Type::kFloat32;
  bool negated = false;                 ///< the numbers in the file are those of -tensor
  std::uint64_t shape[2] = {0, 0};      ///< T, F
  std::uint64_t strides[2] = {0, 0};    ///< elements
  std::uint64_t offset = 0;             ///< elements
  std::uint64_t claimed_bytes = 0;      ///< of its storage, as the pickle says
  std::uint64_t header = 0, bytes = 0;  ///< of the storage's record in the archive
  bool plain = true;                    ///< that record is neither compressed nor encrypted
};

/// What one file of torch.save holds: a tensor, or tensors by id in a dict or OrderedDict. Opening it reads which they
/// are, read() the numbers of one, so that no tensor is read before it is asked for, nor more than once.
///
/// As torch.load(map_location="cpu") has them, the tensors may have been saved on any device and machine, as
/// parameters, as views of larger storages and as lazily negated ones. Nothing in the file is executed. Refused by
/// name: the format before torch 1.6, TorchScript, marks of a format that is not known, and every tensor that is not
/// dense, 2-D and of f16, bf16, f32 or f64.
class TensorFile {
 public:
  /// Throws StoreError for what is no such file.
  explicit TensorFile(std::filesystem::path file);

  /// True for a tensor, false for tensors by id.
  [[nodiscard]] bool holds_one() const { return one_; }
  /// Tensors (and whatever else stands beside them) by id.
  [[nodiscard]] std::size_t count() const { return entries_.size(); }
  /// Integer keys are known by their decimal text.
  [[nodiscard]] bool contains(const std::string& id) const { return entries_.contains(id); }
  /// The tensor of this id, or the only one where the file holds one. As f32; NaN and infinity pass through. Throws
  /// StoreError for what is no tensor of the kind above and where the file is not as it was when opened,
  /// NotFiniteError for an f64 too large for f32.
  [[nodiscard]] FeatureMatrix read(const std::string& id) const;
  /// F of that tensor. Throws as read() does, but reads no number.
  [[nodiscard]] std::int64_t feature_dim(const std::string& id) const;
  /// Where that tensor stands, for messages: the file, with the id where it holds several.
  [[nodiscard]] std::string where(const std::string& id) const;

 private:
  /// A tensor, or why that is none to be read.
  using Entry = std::variant<StoredTensor, std::string>;
  [[nodiscard]] const StoredTensor& tensor_of(const std::string& id) const;

  std::filesystem::path file_;
  std::uint64_t file_bytes_ = 0;
  bool one_ = false, big_endian_ = false;
  std::unordered_map<std::string, Entry> entries_;  ///< under the empty id where there is one
};

}  // namespace alignment::io
