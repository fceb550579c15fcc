#pragma once

// Private to io: ownership, locking and error text over the HDF5 C API.

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "io/bytes/files_in_use.hpp"

namespace alignment::io::hdf5 {

/// What is wrong with a file, as the part of a message that follows its name: `[:dataset]: found; expected; what to
/// do`. The public entry points put the name before it and throw their own type.
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// HDF5 is not safe between threads in every build, so all calls of the process take turns. Recursive, since handles
/// close themselves. The first one of a thread also stops HDF5 from printing its error stack there. `file` is in use
/// from when the lock is taken.
class LibraryLock {
 public:
  LibraryLock();
  explicit LibraryLock(const std::filesystem::path& file);

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  std::optional<FileInUse> file_;
};

/// The innermost message of HDF5's error stack on one line; where a system call failed, its errno and what it stands
/// for. Clears the stack.
[[nodiscard]] std::string innermost_message();

/// Throws Refusal with `where` (":labels", may be empty), HDF5's message and what to do.
[[noreturn]] void refuse_failed_call(std::string_view where, std::string_view doing);

/// Owns an identifier and closes it.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() { static_cast<void>(close()); }

  [[nodiscard]] hid_t get() const { return id_; }
  [[nodiscard]] bool valid() const { return id_ >= 0; }
  /// False where closing failed: data may not have reached the file.
  [[nodiscard]] bool close() noexcept;

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// Takes the outcome of an HDF5 call (an identifier, herr_t, htri_t, a count): negative throws Refusal.
template <typename Outcome>
Outcome checked(Outcome outcome, std::string_view where, std::string_view doing) {
  if (outcome < 0) refuse_failed_call(where, doing);
  return outcome;
}

/// As above; owns the identifier.
[[nodiscard]] inline Handle owned(hid_t id, Handle::Close closer, std::string_view where, std::string_view doing) {
  return {checked(id, where, doing), closer};
}

/// IEEE half precision, little-endian: what NumPy calls '<f2'. HDF5 1.10 has no name for it.
[[nodiscard]] Handle float16_type();

/// Text of any length, UTF-8: how h5py writes a Python string.
[[nodiscard]] Handle variable_string_type();

}  // namespace alignment::io::hdf5
