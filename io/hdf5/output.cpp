#include "io/hdf5/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace alignment::io::hdf5 {
namespace {

constexpr std::uint64_t kChunkBytes = std::uint64_t{256} << 10U;

/// As refuse_failed_call(), for writing: `found <HDF5's reason>; expected to write; ...`.
template <typename Outcome>
Outcome written(Outcome outcome, std::string_view name) {
  if (outcome >= 0) return outcome;
  throw Refusal(fmt::format("{}{}: found {}; expected to write it; check the disk's free space and permissions",
                            name.empty() ? "" : ":", name, innermost_message()));
}

Handle written(hid_t id, Handle::Close closer, std::string_view name) {
  return {written(id, name), closer};
}

/// What a dataset still holds back is written when it is closed, and may fail then.
void close(Handle& object, std::string_view name) {
  if (!object.close()) written(herr_t{-1}, name);
}

/// Properties of a new file, group or dataset that does not note its time: the same content gives the same bytes.
Handle timeless(hid_t kind, const char* name) {
  auto properties = written(H5Pcreate(kind), H5Pclose, name);
  written(H5Pset_obj_track_times(properties.get(), false), name);
  return properties;
}

/// Chunks of whole rows: `chunk` along the first axis, everything along the others.
Handle dataset_properties(const char* name, std::span<const hsize_t> chunk, int gzip_level) {
  auto properties = timeless(H5P_DATASET_CREATE, name);
  written(H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data()), name);
  if (gzip_level > 0) {
    written(H5Pset_shuffle(properties.get()), name);
    written(H5Pset_deflate(properties.get(), static_cast<unsigned>(gzip_level)), name);
  }
  written(H5Pset_fletcher32(properties.get()), name);
  return properties;
}

hsize_t rows_of_a_chunk(hsize_t row_bytes) {
  return std::max<hsize_t>(1, (kChunkBytes + row_bytes - 1) / row_bytes);
}

}  // namespace

Handle create_file(const std::filesystem::path& file) {
  const auto access = written(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "");
  written(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110), "");
  const auto properties = timeless(H5P_FILE_CREATE, "");
  return written(H5Fcreate(file.c_str(), H5F_ACC_TRUNC, properties.get(), access.get()), H5Fclose, "");
}

Handle create_group(const Handle& parent, const char* name) {
  const auto properties = timeless(H5P_GROUP_CREATE, name);
  return written(H5Gcreate2(parent.get(), name, H5P_DEFAULT, properties.get(), H5P_DEFAULT), H5Gclose, name);
}

GrowingRows create_rows(const Handle& file, const char* name, hid_t type, std::int64_t columns, int gzip_level) {
  GrowingRows dataset{{}, 0, static_cast<hsize_t>(columns)};
  const std::array<hsize_t, 2> now{0, dataset.columns}, limit{H5S_UNLIMITED, dataset.columns};
  const std::array<hsize_t, 2> chunk{rows_of_a_chunk(dataset.columns * H5Tget_size(type)), dataset.columns};
  const auto space = written(H5Screate_simple(2, now.data(), limit.data()), H5Sclose, name);
  const auto properties = dataset_properties(name, chunk, gzip_level);
  const auto access = written(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, name);
  const std::size_t chunk_bytes = chunk[0] * chunk[1] * H5Tget_size(type);
  written(H5Pset_chunk_cache(access.get(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT,
                             std::max<std::size_t>(std::size_t{1} << 20U, chunk_bytes), 1.0),
          name);
  dataset.id = written(H5Dcreate2(file.get(), name, type, space.get(), H5P_DEFAULT, properties.get(), access.get()),
                       H5Dclose, name);
  return dataset;
}

void append_rows(GrowingRows& dataset, hid_t memory_type, std::int64_t rows, const void* values) {
  constexpr auto kName = "features";
  const std::array<hsize_t, 2> start{dataset.rows, 0}, count{static_cast<hsize_t>(rows), dataset.columns};
  const std::array<hsize_t, 2> extent{start[0] + count[0], dataset.columns};
  written(H5Dset_extent(dataset.id.get(), extent.data()), kName);
  const auto file = written(H5Dget_space(dataset.id.get()), H5Sclose, kName);
  written(H5Sselect_hyperslab(file.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), kName);
  const auto memory = written(H5Screate_simple(2, count.data(), nullptr), H5Sclose, kName);
  written(H5Dwrite(dataset.id.get(), memory_type, memory.get(), file.get(), H5P_DEFAULT, values), kName);
  dataset.rows = extent[0];
}

void finish_rows(GrowingRows& dataset) {
  close(dataset.id, "features");
}

void write_dataset(const Handle& group, const char* name, hid_t file_type, hid_t memory_type,
                   const std::vector<std::int64_t>& shape, const void* values) {
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  auto chunk = extents;
  hsize_t row_bytes = H5Tget_size(file_type);
  for (std::size_t axis = 1; axis < extents.size(); ++axis) row_bytes *= extents[axis];
  chunk[0] = std::min(extents[0], rows_of_a_chunk(row_bytes));
  const auto space =
      written(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, name);
  const auto properties = dataset_properties(name, chunk, 0);
  auto dataset =
      written(H5Dcreate2(group.get(), name, file_type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
              H5Dclose, name);
  written(H5Dwrite(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), name);
  close(dataset, name);
}

void write_texts(const Handle& group, const char* name, const std::vector<std::string>& texts) {
  std::size_t width = 1;
  for (const auto& text : texts) width = std::max(width, text.size());
  std::string bytes(width * texts.size(), '\0');
  for (std::size_t n = 0; n < texts.size(); ++n) texts[n].copy(bytes.data() + n * width, width);
  const auto type = written(H5Tcopy(H5T_C_S1), H5Tclose, name);
  written(H5Tset_size(type.get(), width), name);
  written(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), name);
  written(H5Tset_cset(type.get(), H5T_CSET_UTF8), name);
  write_dataset(group, name, type.get(), type.get(), {static_cast<std::int64_t>(texts.size())}, bytes.data());
}

namespace {

void write_scalar(const Handle& object, const char* name, hid_t file_type, hid_t memory_type, const void* value) {
  const auto space = written(H5Screate(H5S_SCALAR), H5Sclose, name);
  auto attribute =
      written(H5Acreate2(object.get(), name, file_type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, name);
  written(H5Awrite(attribute.get(), memory_type, value), name);
  close(attribute, name);
}

}  // namespace

void write_attribute(const Handle& object, const char* name, std::int64_t value) {
  write_scalar(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}
void write_attribute(const Handle& object, const char* name, std::uint64_t value) {
  write_scalar(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value);
}
void write_attribute(const Handle& object, const char* name, double value) {
  write_scalar(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}
void write_attribute(const Handle& object, const char* name, const std::string& value) {
  const auto type = variable_string_type();
  const char* text = value.c_str();
  write_scalar(object, name, type.get(), type.get(), static_cast<const void*>(&text));
}

void write_attribute_of(const Handle& group, const char* dataset, const char* name, std::uint64_t value) {
  auto opened = written(H5Dopen2(group.get(), dataset, H5P_DEFAULT), H5Dclose, dataset);
  write_attribute(opened, name, value);
  close(opened, dataset);
}

void flush(const Handle& file) {
  written(H5Fflush(file.get(), H5F_SCOPE_GLOBAL), "");
}

void close(Handle& object) {
  close(object, "");
}

}  // namespace alignment::io::hdf5
