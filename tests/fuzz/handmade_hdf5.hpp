#pragma once

// Files as users of h5py make them, in HDF5's oldest format unless told otherwise: no checksums over the metadata.

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace alignment::fuzz {

class HandmadeFile {
 public:
  explicit HandmadeFile(const std::filesystem::path& file, bool latest = false) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, latest ? H5F_LIBVER_LATEST : H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
    file_ = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
  }
  ~HandmadeFile() { H5Fclose(file_); }
  HandmadeFile(const HandmadeFile&) = delete;
  HandmadeFile& operator=(const HandmadeFile&) = delete;

  /// `chunk_rows` 0: contiguous. `gzip` also shuffles and adds fletcher32.
  void dataset(const char* name, hid_t type, const std::vector<hsize_t>& shape, const void* values,
               hsize_t chunk_rows = 0, bool gzip = false) const {
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    if (chunk_rows > 0) {
      auto chunk = shape;
      chunk[0] = chunk_rows;
      H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
    }
    if (gzip) {
      H5Pset_shuffle(properties);
      H5Pset_deflate(properties, 4);
      H5Pset_fletcher32(properties);
    }
    const hid_t dataset = H5Dcreate2(file_, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(dataset);
    H5Pclose(properties);
    H5Sclose(space);
  }

  /// Fixed-length text, NumPy's 'S'.
  void texts(const char* name, const std::vector<std::string>& texts, std::size_t width, hsize_t chunk_rows = 0,
             bool gzip = false) const {
    std::string bytes;
    for (const auto& text : texts) bytes += text + std::string(width - text.size(), '\0');
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, width);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    dataset(name, type, {texts.size()}, bytes.data(), chunk_rows, gzip);
    H5Tclose(type);
  }

  void attribute(const char* name, std::int64_t value) const { attribute(name, H5T_STD_I64LE, &value); }
  void attribute(const char* name, const char* text) const {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    attribute(name, type, static_cast<const void*>(&text));
    H5Tclose(type);
  }

 private:
  void attribute(const char* name, hid_t type, const void* value) const {
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(file_, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, value);
    H5Aclose(attribute);
    H5Sclose(space);
  }

  hid_t file_ = H5I_INVALID_HID;
};

/// The bytes of the file that `make` leaves under the path it is given.
[[nodiscard]] std::string bytes_of_file(void (*make)(const std::filesystem::path&));

/// True where HDF5's newer formats guard the metadata by checksums, as in files of our own making.
[[nodiscard]] inline bool has_new_superblock(std::string_view file) {
  constexpr std::size_t kVersionAt = 8;
  return file.size() > kVersionAt && file[kVersionAt] >= 2;
}

}  // namespace alignment::fuzz
