// Text attributes of variable length lie in a "global heap" of the file, which has no checksum, and on a damaged one
// HDF5 1.10 loops or crashes. So the heap is walked here, within its bounds (HDF5 file format specification, III.E).
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "io/hdf5/input.hpp"

namespace alignment::io::hdf5 {
namespace {

/// How an element of variable length is stored: where its content is.
struct HeapReference {
  std::uint32_t length = 0;
  std::uint64_t collection = 0;
  std::uint32_t object = 0;
};
constexpr std::size_t kReferenceBytes = 16;  // where addresses take 8 bytes
constexpr std::size_t kHeaderBytes = 16;     // of a collection, and of an object in it

/// HDF5 hands out an element as it is stored only to a conversion: this one leaves the bytes alone.
herr_t keep_bytes(hid_t, hid_t, H5T_cdata_t* data, size_t, size_t, size_t, void*, void*, hid_t) {
  if (data->command == H5T_CONV_INIT) data->need_bkg = H5T_BKG_NO;
  return 0;
}

Handle reference_type(std::string_view where) {
  auto type = owned(H5Tcreate(H5T_OPAQUE, kReferenceBytes), H5Tclose, where, "reading it");
  checked(H5Tset_tag(type.get(), "dejavid heap reference"), where, "reading it");
  static const bool registered = [&] {
    const auto text = variable_string_type();
    return H5Tregister(H5T_PERS_SOFT, "dejavid heap reference", text.get(), type.get(), keep_bytes) >= 0;
  }();
  if (!registered) refuse_failed_call(where, "reading it");
  return type;
}

template <typename T>
T number_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// The bytes of an open file, from the start of its HDF5 part.
class FileBytes {
 public:
  FileBytes(hid_t member, std::string where) : where_(std::move(where)) {
    file_ = owned(H5Iget_file_id(member), H5Fclose, where_, "asking for its file");
    const auto properties = owned(H5Fget_create_plist(file_.get()), H5Pclose, where_, "asking for its file");
    std::size_t address_bytes = 0, size_bytes = 0;
    checked(H5Pget_sizes(properties.get(), &address_bytes, &size_bytes), where_, "asking for its file");
    if (address_bytes != 8 || size_bytes != 8) {
      throw Refusal(fmt::format(
          "{}: found a file with addresses of {} bytes; expected 8; make the file again with usual settings", where_,
          address_bytes));
    }
    checked(H5Pget_userblock(properties.get(), &start_), where_, "asking for its file");
    checked(H5Fget_filesize(file_.get(), &size_), where_, "asking for its size");
    void* descriptor = nullptr;
    checked(H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &descriptor), where_, "asking for its file");
    descriptor_ = *static_cast<int*>(descriptor);
  }

  [[nodiscard]] bool holds(std::uint64_t at, std::size_t count) const {
    const std::uint64_t end = size_ > start_ ? size_ - start_ : 0;
    return at <= end && count <= end - at;
  }
  void read(std::uint64_t at, char* destination, std::size_t count) const {
    if (!holds(at, count)) refuse();
    while (count > 0) {
      const ssize_t got = ::pread(descriptor_, destination, count, static_cast<off_t>(start_ + at));
      if (got <= 0) refuse();
      at += static_cast<std::uint64_t>(got);
      destination += got;
      count -= static_cast<std::size_t>(got);
    }
  }
  [[noreturn]] void refuse() const {
    throw Refusal(where_ + ": found damaged text; expected what was written; copy the file again or make it again");
  }

 private:
  std::string where_;
  Handle file_;
  hsize_t start_ = 0, size_ = 0;
  int descriptor_ = -1;
};

std::string read_heap(const FileBytes& file, const HeapReference& reference) {
  std::array<char, kHeaderBytes> header{};
  file.read(reference.collection, header.data(), header.size());
  if (std::string_view(header.data(), 4) != "GCOL" || header[4] != 1) file.refuse();
  const auto size = number_at<std::uint64_t>(header.data() + 8);
  constexpr int kMostObjects = 65536;  // their numbers have 16 bits
  std::uint64_t at = kHeaderBytes;
  for (int n = 0; n < kMostObjects && at < size && size - at >= kHeaderBytes; ++n) {
    file.read(reference.collection + at, header.data(), header.size());
    at += kHeaderBytes;
    const auto object = number_at<std::uint16_t>(header.data());
    const auto bytes = number_at<std::uint64_t>(header.data() + 8);
    if (object == 0 || bytes > size - at) break;
    if (object == reference.object) {
      if (reference.length > bytes || !file.holds(reference.collection + at, reference.length)) break;
      std::string text(reference.length, '\0');
      file.read(reference.collection + at, text.data(), text.size());
      return text;
    }
    at += (bytes + 7) / 8 * 8;
  }
  file.refuse();
}

}  // namespace

std::string read_variable_text(const Handle& attribute, const std::string& where) {
  const FileBytes file(attribute.get(), where);
  std::array<char, kReferenceBytes> stored{};
  checked(H5Aread(attribute.get(), reference_type(where).get(), stored.data()), where, "reading it");
  const HeapReference reference{number_at<std::uint32_t>(stored.data()), number_at<std::uint64_t>(stored.data() + 4),
                                number_at<std::uint32_t>(stored.data() + 12)};
  return reference.length == 0 ? std::string() : read_heap(file, reference);
}

}  // namespace alignment::io::hdf5
