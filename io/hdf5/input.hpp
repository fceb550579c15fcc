#pragma once

// Private to io: files and datasets that others may have made, opened with suspicion. Everything throws Refusal.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/bytes/content_kind.hpp"
#include "io/hdf5/handle.hpp"

namespace alignment::io::hdf5 {

/// What else to do with a file of another format ("or ..."); empty for nothing.
using OtherFormatAdvice = std::string (*)(const std::filesystem::path& file, ContentKind kind);

/// Opens `file` read-only. Refuses what is missing, not a file, unreadable, empty, not HDF5, cut short, or was never
/// closed by its writer; `kind` ("store", "model file") and `advice` are for the message.
[[nodiscard]] Handle open_for_reading(const std::filesystem::path& file, std::string_view kind,
                                      OtherFormatAdvice advice = nullptr);

/// A dataset that is really here: no soft or external link, no virtual or external layout, only the filters that HDF5
/// itself brings, no variable-length or reference elements, every chunk written, and no more elements than the file has
/// bytes for.
struct Dataset {
  std::string name;
  Handle id, type, space;
  std::vector<std::int64_t> shape;

  [[nodiscard]] std::int64_t element_count() const;
  [[nodiscard]] std::string where() const { return ":" + name; }
};

[[nodiscard]] bool has_member(const Handle& group, const std::string& name);
/// Members of a group, and attributes of an object, in the order of their names.
[[nodiscard]] std::vector<std::string> members_of(const Handle& group);
[[nodiscard]] std::vector<std::string> attributes_of(const Handle& object);
[[nodiscard]] Dataset open_dataset(const Handle& group, const std::string& name);
/// Gives a dataset that no one else has open a chunk cache other than HDF5's own 1 MiB.
void set_chunk_cache(Dataset& dataset, const Handle& group, std::size_t bytes);
/// A group that is really here. `name` lies directly under `parent`.
[[nodiscard]] Handle open_group(const Handle& parent, const std::string& name);

/// The names of the filters a dataset went through, in the order applied; empty for none.
[[nodiscard]] std::vector<std::string> filters_of(const Dataset& dataset);
/// How far its chunks are compressed, 1 to 9; 0 where they are not.
[[nodiscard]] int gzip_level_of(const Dataset& dataset);
/// The shape of a chunk; empty where the dataset is not chunked.
[[nodiscard]] std::vector<std::int64_t> chunk_of(const Dataset& dataset);
/// "f32", "big-endian f32", "u8", "text", ... for messages.
[[nodiscard]] std::string describe_type(hid_t type);
[[nodiscard]] std::string describe_shape(const std::vector<std::int64_t>& shape);
void require_rank(const Dataset& dataset, std::size_t rank, std::string_view expected);

/// Whole datasets, row-major. Integers of any width widen; other types than the one asked for are refused.
[[nodiscard]] std::vector<std::int64_t> read_integers(const Dataset& dataset);
[[nodiscard]] std::vector<std::uint64_t> read_digests(const Dataset& dataset);
[[nodiscard]] std::vector<float> read_floats(const Dataset& dataset);
/// Fixed-length text, rank 1: padding cut off; refused where it is not UTF-8.
[[nodiscard]] std::vector<std::string> read_texts(const Dataset& dataset);

/// Attributes, as h5py users write them: integers of any width, NumPy booleans, fixed or variable-length text, scalar
/// or one element. Empty where absent.
[[nodiscard]] std::optional<std::int64_t> integer_attribute(const Handle& object, const char* name);
[[nodiscard]] std::optional<std::uint64_t> unsigned_attribute(const Handle& object, const char* name);
/// Refuses content whose digest is not what the attribute says; an object without that attribute is not checked.
void require_digest(const Handle& object, const char* attribute, std::string_view where, std::uint64_t found);
[[nodiscard]] std::optional<double> real_attribute(const Handle& object, const char* name);
[[nodiscard]] std::optional<std::string> text_attribute(const Handle& object, const char* name);
/// What text_attribute() uses for text of variable length.
[[nodiscard]] std::string read_variable_text(const Handle& attribute, const std::string& where);

}  // namespace alignment::io::hdf5
