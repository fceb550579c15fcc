#include "io/hdf5/input.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>

#include "io/bytes/utf8.hpp"

namespace alignment::io::hdf5 {
namespace {

constexpr std::string_view kCopyAgain = "copy the file again or make it again";
/// No deflate stream expands further than this (the format's limit is 1032).
constexpr std::uint64_t kMostExpansion = 1100;

/// The link itself must be hard, so that all bytes are in this file. False where there is no such member.
bool require_hard_link(const Handle& group, const std::string& name) {
  const auto where = ":" + name;
  if (checked(H5Lexists(group.get(), name.c_str(), H5P_DEFAULT), where, "looking for it") == 0) return false;
  H5L_info_t link{};
  checked(H5Lget_info(group.get(), name.c_str(), &link, H5P_DEFAULT), where, "reading its link");
  if (link.type != H5L_TYPE_HARD) {
    throw Refusal(fmt::format("{}: found {} link; expected the data in this file; make the file again without links",
                              where, link.type == H5L_TYPE_SOFT ? "a soft" : "an external"));
  }
  return true;
}

Handle open_object(const Handle& group, const std::string& name, H5I_type_t kind, std::string_view expected) {
  const auto where = ":" + name;
  if (!require_hard_link(group, name)) {
    throw Refusal(
        fmt::format("{}: found nothing; expected {}; make the file again (docs/reference/files.md)", where, expected));
  }
  auto object = owned(H5Oopen(group.get(), name.c_str(), H5P_DEFAULT), H5Oclose, where, "opening it");
  if (H5Iget_type(object.get()) != kind) {
    throw Refusal(fmt::format("{}: found another kind of object; expected {}; make the file again", where, expected));
  }
  return object;
}

Handle creation_properties(const Dataset& dataset) {
  return owned(H5Dget_create_plist(dataset.id.get()), H5Pclose, dataset.where(), "reading its layout");
}

void require_plain_layout(const Dataset& dataset) {
  const auto properties = creation_properties(dataset);
  if (H5Pget_layout(properties.get()) == H5D_VIRTUAL) {
    throw Refusal(dataset.where() +
                  ": found a virtual dataset; expected the data in this file; make the file again from its sources");
  }
  if (checked(H5Pget_external_count(properties.get()), dataset.where(), "reading its layout") > 0) {
    throw Refusal(dataset.where() + ": found external storage; expected the data in this file; make the file again");
  }
  const int filters = checked(H5Pget_nfilters(properties.get()), dataset.where(), "reading its filters");
  for (unsigned n = 0; n < static_cast<unsigned>(filters); ++n) {
    std::size_t values = 0;
    unsigned flags = 0, configuration = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(properties.get(), n, &flags, &values, nullptr, 0, nullptr, &configuration);
    checked(filter, dataset.where(), "reading its filters");
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32) {
      throw Refusal(fmt::format(
          "{}: found filter {}; expected none but deflate, shuffle and fletcher32; make the file again with gzip",
          dataset.where(), filter));
    }
  }
}

void require_plain_type(const Dataset& dataset) {
  const hid_t type = dataset.type.get();
  const bool variable = H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tis_variable_str(type) > 0;
  if (variable || H5Tdetect_class(type, H5T_REFERENCE) > 0) {
    throw Refusal(
        fmt::format("{}: found {}; expected elements of fixed length; make the file again (text as NumPy 'S')",
                    dataset.where(), describe_type(type)));
  }
}

/// Every chunk is in the file, and the elements claimed do not take more than what is there can hold: nothing is read
/// as zeros that was never written, and no small file makes this program allocate much.
void require_written(const Dataset& dataset, hid_t file_of) {
  const auto where = dataset.where();
  std::uint64_t elements = 1;
  for (const auto extent : dataset.shape) {
    if (extent != 0 &&
        elements > std::numeric_limits<std::uint64_t>::max() / 1024 / static_cast<std::uint64_t>(extent)) {
      throw Refusal(fmt::format("{}: found {} elements; expected what the file can hold; {}", where,
                                describe_shape(dataset.shape), kCopyAgain));
    }
    elements *= static_cast<std::uint64_t>(extent);
  }
  if (elements == 0) return;
  H5D_space_status_t status{};
  checked(H5Dget_space_status(dataset.id.get(), &status), where, "reading its space");
  bool written = status != H5D_SPACE_STATUS_NOT_ALLOCATED;
  const auto chunk = chunk_of(dataset);
  hsize_t chunks_found = 0;
  if (written && !chunk.empty()) {
    std::uint64_t expected = 1;
    for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
      expected *= static_cast<std::uint64_t>((dataset.shape[axis] + chunk[axis] - 1) / chunk[axis]);
    }
    checked(H5Dget_num_chunks(dataset.id.get(), dataset.space.get(), &chunks_found), where, "counting its chunks");
    if (chunks_found < expected) {
      throw Refusal(fmt::format("{}: found {} of {} chunks written; expected all; make the file again", where,
                                chunks_found, expected));
    }
  }
  if (!written) throw Refusal(where + ": found no data, only a shape; expected it written; make the file again");

  hsize_t file_bytes = 0;
  checked(H5Fget_filesize(file_of, &file_bytes), where, "asking for the file's size");
  const std::uint64_t stored = H5Dget_storage_size(dataset.id.get());
  const auto filters = filters_of(dataset);
  const auto filtered_by = [&](const char* name) {
    return std::find(filters.begin(), filters.end(), name) != filters.end();
  };
  const bool compressed = !chunk.empty() && filtered_by("deflate");
  const std::uint64_t limit = std::min<std::uint64_t>(stored, file_bytes) * (compressed ? kMostExpansion : 1);
  const std::uint64_t width = H5Tget_size(dataset.type.get());
  if (stored > file_bytes || width == 0 || elements > limit / width) {
    throw Refusal(
        fmt::format("{}: found {} elements of {} bytes; expected no more than the file's {} bytes can hold; {}", where,
                    describe_shape(dataset.shape), width, file_bytes, kCopyAgain));
  }
  if (!chunk.empty() && !compressed) {  // HDF5 takes a chunk for whole, however short it is stored
    std::uint64_t chunk_bytes = width;
    for (const auto extent : chunk) chunk_bytes *= static_cast<std::uint64_t>(extent);
    constexpr std::uint64_t kChecksumBytes = 4;
    const std::uint64_t expected = chunks_found * (chunk_bytes + (filtered_by("fletcher32") ? kChecksumBytes : 0));
    if (stored != expected) {
      throw Refusal(fmt::format("{}: found chunks of {} bytes; expected {}; {}", where, stored, expected, kCopyAgain));
    }
  }
}

[[noreturn]] void refuse_type(const Dataset& dataset, std::string_view expected) {
  throw Refusal(fmt::format("{}: found {}; expected {}; make the file again", dataset.where(),
                            describe_type(dataset.type.get()), expected));
}

template <typename T>
std::vector<T> read_all(const Dataset& dataset, hid_t memory_type) {
  std::vector<T> values(static_cast<std::size_t>(dataset.element_count()));
  if (!values.empty()) {
    checked(H5Dread(dataset.id.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), dataset.where(),
            "reading it");
  }
  return values;
}

/// Whether `type` is one of IEEE's floats of its size, of either byte order.
bool is_ieee(hid_t type) {
  const Handle half = float16_type();
  for (const hid_t known : {half.get(), H5T_IEEE_F32LE, H5T_IEEE_F64LE}) {
    const Handle ordered(H5Tcopy(known), H5Tclose);
    H5Tset_order(ordered.get(), H5Tget_order(type));
    if (H5Tequal(type, ordered.get()) > 0) return true;
  }
  return false;
}

}  // namespace

std::int64_t Dataset::element_count() const {
  std::int64_t count = 1;
  for (const auto extent : shape) count *= extent;
  return count;
}

bool has_member(const Handle& group, const std::string& name) {
  return require_hard_link(group, name);
}

namespace {

/// For HDF5's iterations, of whatever it tells of each.
template <typename Info>
herr_t add_name(hid_t, const char* name, const Info*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

std::vector<std::string> members_of(const Handle& group) {
  std::vector<std::string> names;
  checked(H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add_name<H5L_info_t>, &names), "",
          "listing its members");
  return names;
}

std::vector<std::string> attributes_of(const Handle& object) {
  std::vector<std::string> names;
  checked(H5Aiterate2(object.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add_name<H5A_info_t>, &names), "",
          "listing its attributes");
  return names;
}

Handle open_group(const Handle& parent, const std::string& name) {
  return open_object(parent, name, H5I_GROUP, "a group");
}

Dataset open_dataset(const Handle& group, const std::string& name) {
  Dataset dataset;
  dataset.name = name;
  dataset.id = open_object(group, name, H5I_DATASET, "a dataset");
  const auto where = dataset.where();
  dataset.type = owned(H5Dget_type(dataset.id.get()), H5Tclose, where, "reading its type");
  dataset.space = owned(H5Dget_space(dataset.id.get()), H5Sclose, where, "reading its shape");
  if (H5Sget_simple_extent_type(dataset.space.get()) == H5S_NULL) {
    throw Refusal(where + ": found an empty dataset; expected data; make the file again");
  }
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const int rank =
      checked(H5Sget_simple_extent_dims(dataset.space.get(), extents.data(), nullptr), where, "reading its shape");
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(rank); ++axis) {
    if (extents[axis] > static_cast<hsize_t>(std::numeric_limits<std::int64_t>::max() / 1024)) {
      throw Refusal(fmt::format("{}: found an extent of {}; expected what a file can hold; {}", where, extents[axis],
                                kCopyAgain));
    }
    dataset.shape.push_back(static_cast<std::int64_t>(extents[axis]));
  }
  require_plain_layout(dataset);
  require_plain_type(dataset);
  const auto file = owned(H5Iget_file_id(dataset.id.get()), H5Fclose, where, "asking for its file");
  require_written(dataset, file.get());
  return dataset;
}

void set_chunk_cache(Dataset& dataset, const Handle& group, std::size_t bytes) {
  const auto where = dataset.where();
  const auto access = owned(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, where, "preparing its cache");
  checked(H5Pset_chunk_cache(access.get(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, bytes, 1.0), where, "preparing its cache");
  dataset.id = {};  // HDF5 takes the settings of the first of several opens
  dataset.id = owned(H5Dopen2(group.get(), dataset.name.c_str(), access.get()), H5Dclose, where, "opening it");
}

std::vector<std::string> filters_of(const Dataset& dataset) {
  const auto properties = creation_properties(dataset);
  std::vector<std::string> names;
  const int filters = checked(H5Pget_nfilters(properties.get()), dataset.where(), "reading its filters");
  for (unsigned n = 0; n < static_cast<unsigned>(filters); ++n) {
    std::size_t values = 0;
    unsigned flags = 0, configuration = 0;
    switch (H5Pget_filter2(properties.get(), n, &flags, &values, nullptr, 0, nullptr, &configuration)) {
      case H5Z_FILTER_DEFLATE:
        names.emplace_back("deflate");
        break;
      case H5Z_FILTER_SHUFFLE:
        names.emplace_back("shuffle");
        break;
      case H5Z_FILTER_FLETCHER32:
        names.emplace_back("fletcher32");
        break;
      default:
        names.emplace_back("unknown");
    }
  }
  return names;
}

int gzip_level_of(const Dataset& dataset) {
  const auto properties = creation_properties(dataset);
  const auto filters = filters_of(dataset);
  if (std::find(filters.begin(), filters.end(), "deflate") == filters.end()) return 0;
  unsigned flags = 0, level = 0, configuration = 0;
  std::size_t values = 1;
  checked(
      H5Pget_filter_by_id2(properties.get(), H5Z_FILTER_DEFLATE, &flags, &values, &level, 0, nullptr, &configuration),
      dataset.where(), "reading its filters");
  return static_cast<int>(level);
}

std::vector<std::int64_t> chunk_of(const Dataset& dataset) {
  const auto properties = creation_properties(dataset);
  if (H5Pget_layout(properties.get()) != H5D_CHUNKED) return {};
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const int rank =
      checked(H5Pget_chunk(properties.get(), H5S_MAX_RANK, extents.data()), dataset.where(), "reading its chunks");
  std::vector<std::int64_t> chunk;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(rank); ++axis)
    chunk.push_back(static_cast<std::int64_t>(extents[axis]));
  return chunk;
}

std::string describe_type(hid_t type) {
  const std::size_t bits = H5Tget_size(type) * 8;
  const char* order = bits > 8 && H5Tget_order(type) == H5T_ORDER_BE ? "big-endian " : "";
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("{}{}{}", order, H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "i", bits);
    case H5T_FLOAT:
      if (bits <= 64 && !is_ieee(type)) {
        return fmt::format("a {}{}-bit float that is not IEEE's{}", order, bits, bits == 16 ? " (bf16?)" : "");
      }
      return fmt::format("{}f{}", order, bits);
    case H5T_STRING:
      return H5Tis_variable_str(type) > 0 ? "text of variable length" : "text";
    case H5T_VLEN:
      return "elements of variable length";
    case H5T_REFERENCE:
      return "references";
    case H5T_ENUM:
      return "an enumeration";
    case H5T_COMPOUND:
      return "compound elements";
    case H5T_ARRAY:
      return "array elements";
    default:
      return "opaque elements";
  }
}

std::string describe_shape(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

void require_rank(const Dataset& dataset, std::size_t rank, std::string_view expected) {
  if (dataset.shape.size() != rank) {
    throw Refusal(fmt::format("{}: found shape {}; expected {}; make the file again", dataset.where(),
                              describe_shape(dataset.shape), expected));
  }
}

std::vector<std::int64_t> read_integers(const Dataset& dataset) {
  if (H5Tget_class(dataset.type.get()) != H5T_INTEGER) refuse_type(dataset, "integers");
  return read_all<std::int64_t>(dataset, H5T_NATIVE_INT64);
}

std::vector<std::uint64_t> read_digests(const Dataset& dataset) {
  const hid_t type = dataset.type.get();
  if (H5Tequal(type, H5T_STD_U64LE) <= 0 && H5Tequal(type, H5T_STD_U64BE) <= 0) refuse_type(dataset, "u64");
  return read_all<std::uint64_t>(dataset, H5T_NATIVE_UINT64);
}

std::vector<float> read_floats(const Dataset& dataset) {
  const hid_t type = dataset.type.get();
  if (H5Tequal(type, H5T_IEEE_F32LE) <= 0 && H5Tequal(type, H5T_IEEE_F32BE) <= 0) refuse_type(dataset, "f32");
  return read_all<float>(dataset, H5T_NATIVE_FLOAT);
}

std::vector<std::string> read_texts(const Dataset& dataset) {
  require_rank(dataset, 1, "one dimension");
  const hid_t type = dataset.type.get();
  if (H5Tget_class(type) != H5T_STRING) refuse_type(dataset, "text of fixed length (NumPy 'S')");
  const std::size_t width = H5Tget_size(type);
  const H5T_str_t padding = H5Tget_strpad(type);
  std::vector<char> bytes(static_cast<std::size_t>(dataset.element_count()) * width);
  if (!bytes.empty()) {
    checked(H5Dread(dataset.id.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), dataset.where(),
            "reading it");
  }
  std::vector<std::string> texts;
  texts.reserve(static_cast<std::size_t>(dataset.element_count()));
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    std::string text(bytes.data() + at, width);
    const std::size_t end = std::min(text.find('\0'), text.size());
    if (padding != H5T_STR_NULLTERM && text.find_first_not_of('\0', end) != std::string::npos) {
      throw Refusal(
          fmt::format("{}:{}: found a NUL within text; expected it behind the text alone; make the file again",
                      dataset.where(), texts.size()));
    }
    text.erase(end);
    while (padding == H5T_STR_SPACEPAD && text.ends_with(' ')) text.pop_back();
    if (!is_utf8(text)) {
      throw Refusal(
          fmt::format("{}:{}: found bytes that are no text; expected UTF-8; encode it and make the file again",
                      dataset.where(), texts.size()));
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace alignment::io::hdf5
