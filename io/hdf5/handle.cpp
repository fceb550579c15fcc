#include "io/hdf5/handle.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)  // clang does not say whether it sanitizes
/// HDF5 loses memory of its own when it refuses a file.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the name that it is asked by
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5\n";
}
#endif

namespace alignment::io::hdf5 {

static_assert(std::endian::native == std::endian::little, "digests are taken over little-endian bytes in memory");

namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

herr_t take_first(unsigned /*depth*/, const H5E_error2_t* error, void* into) {
  auto& text = *static_cast<std::string*>(into);
  if (text.empty() && error->desc != nullptr) text = error->desc;
  return 0;
}

/// A damaged file makes HDF5 ask for more memory than any machine has; this is whether some MiB are there.
bool memory_is_short() {
  constexpr std::size_t kSome = std::size_t{32} << 20U;
  const std::unique_ptr<std::byte[]> probe(new (std::nothrow) std::byte[kSome]);
  return probe == nullptr;
}

/// HDF5 reports a failed system call as a long line with addresses, sizes and a time of day; errno is what matters.
std::string shorten(const std::string& text) {
  const auto at = text.find("errno = ");
  int code = 0;
  if (at == std::string::npos || std::sscanf(text.c_str() + at, "errno = %d", &code) != 1) return text;
  const auto head = text.substr(0, text.find_first_of(",:"));
  return fmt::format("{}: {} (errno {})", head, std::strerror(code),
                     code);  // NOLINT(concurrency-mt-unsafe): under the lock
}

}  // namespace

LibraryLock::LibraryLock() : lock_(library_mutex()) {
  // Every handle closes itself; what HDF5 would still do at exit is to crash over a file that it could not write (a
  // full disk).
  [[maybe_unused]] static const herr_t first_call = H5dont_atexit();
  thread_local bool silenced = false;
  if (!silenced) silenced = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
}

LibraryLock::LibraryLock(const std::filesystem::path& file) : LibraryLock() {
  file_.emplace(file);
}

std::string innermost_message() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &text);
  H5Eclear2(H5E_DEFAULT);
  if (text.empty()) return "no reason given";
  if (text.starts_with("memory allocation failed") && memory_is_short()) throw std::bad_alloc();
  text = shorten(text);
  for (char& letter : text) {
    if (static_cast<unsigned char>(letter) < 0x20) letter = ' ';
  }
  return text;
}

void refuse_failed_call(std::string_view where, std::string_view doing) {
  throw Refusal(
      fmt::format("{}: found damage while {} (HDF5: {}); expected a whole file; copy it again or make it again", where,
                  doing, innermost_message()));
}

bool Handle::close() noexcept {
  if (id_ < 0) return true;
  const LibraryLock lock;
  return close_(std::exchange(id_, H5I_INVALID_HID)) >= 0;
}

Handle float16_type() {
  auto type = owned(H5Tcopy(H5T_IEEE_F32LE), H5Tclose, "", "half precision type");
  checked(H5Tset_fields(type.get(), 15, 10, 5, 0, 10), "", "half precision type");
  checked(H5Tset_size(type.get(), 2), "", "half precision type");
  checked(H5Tset_ebias(type.get(), 15), "", "half precision type");
  return type;
}

Handle variable_string_type() {
  auto type = owned(H5Tcopy(H5T_C_S1), H5Tclose, "", "text type");
  checked(H5Tset_size(type.get(), H5T_VARIABLE), "", "text type");
  checked(H5Tset_cset(type.get(), H5T_CSET_UTF8), "", "text type");
  return type;
}

}  // namespace alignment::io::hdf5
