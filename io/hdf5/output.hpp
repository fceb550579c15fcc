#pragma once

// Private to io: files of our own making. Every dataset is chunked and carries fletcher32. Everything throws Refusal.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/hdf5/handle.hpp"

namespace alignment::io::hdf5 {

/// Makes (or empties) `file`, in the format of HDF5 1.10: its metadata carry checksums, and a writer that dies leaves a
/// mark.
[[nodiscard]] Handle create_file(const std::filesystem::path& file);
[[nodiscard]] Handle create_group(const Handle& parent, const char* name);

/// Rows of one sample after the other, [rows so far, columns], chunked by whole rows of about 256 KiB.
struct GrowingRows {
  Handle id;
  hsize_t rows = 0, columns = 0;
};
[[nodiscard]] GrowingRows create_rows(const Handle& file, const char* name, hid_t type, std::int64_t columns,
                                      int gzip_level);
void append_rows(GrowingRows& dataset, hid_t memory_type, std::int64_t rows, const void* values);
/// Writes out what is held back, and closes.
void finish_rows(GrowingRows& dataset);

/// Whole datasets of `shape`, row-major.
void write_dataset(const Handle& group, const char* name, hid_t file_type, hid_t memory_type,
                   const std::vector<std::int64_t>& shape, const void* values);
/// Fixed-length UTF-8, as wide as the longest.
void write_texts(const Handle& group, const char* name, const std::vector<std::string>& texts);

void write_attribute(const Handle& object, const char* name, std::int64_t value);
void write_attribute(const Handle& object, const char* name, std::uint64_t value);
void write_attribute(const Handle& object, const char* name, double value);
void write_attribute(const Handle& object, const char* name, const std::string& value);
/// Of a dataset that has been written.
void write_attribute_of(const Handle& group, const char* dataset, const char* name, std::uint64_t value);

/// Writes out what HDF5 holds back, and closes.
void flush(const Handle& file);
void close(Handle& object);

}  // namespace alignment::io::hdf5
