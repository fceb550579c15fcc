// System calls that fail, for programs that link this: their own calls and those of every library in them come by here.
// Places: open, read, write, sync, rename, unlink. The number counts the calls of that kind on files whose path holds
// DEJAVID_FAULT_PATH, from 1. Kinds beyond those of strike(): enospc and edquot (from that call on), eio (once), short
// (half of a write, once), none (only announced).
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/stand_ins/faults/fault.hpp"

namespace {

using alignment::faults::asked_for;

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool concerned(const char* path) {
  static const char* const wanted = std::getenv("DEJAVID_FAULT_PATH");
  return wanted == nullptr || (path != nullptr && std::strstr(path, wanted) != nullptr);
}

std::string path_of(int descriptor) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

enum class Outcome { kGoOn, kFail, kShort };

/// What becomes of this call; errno is set where it fails.
Outcome meet(const char* place, const char* path) {
  static std::atomic<std::int64_t> calls{0};
  if (!concerned(path)) return Outcome::kGoOn;
  const std::int64_t number = ++calls;
  const auto& fault = asked_for();
  const bool full = fault.kind == "enospc" || fault.kind == "edquot";
  if (number < fault.number || (number > fault.number && !full)) return Outcome::kGoOn;
  alignment::faults::note_strike();
  if (number == fault.number)
    alignment::faults::announce(std::string(place) + " " + std::to_string(number) + " of " + path);
  if (fault.kind == "none" || alignment::faults::strike(fault.kind)) return Outcome::kGoOn;
  if (fault.kind == "short") return Outcome::kShort;
  errno = fault.kind == "enospc" ? ENOSPC : fault.kind == "edquot" ? EDQUOT : EIO;
  return Outcome::kFail;
}

Outcome meet(const char* place, int descriptor) {
  if (asked_for().place != place) return Outcome::kGoOn;
  const int before = errno;
  const std::string path = path_of(descriptor);
  errno = before;
  return meet(place, path.c_str());
}

Outcome meet_path(const char* place, const char* path) {
  return asked_for().place == place ? meet(place, path) : Outcome::kGoOn;
}

std::size_t allowed(Outcome outcome, std::size_t count) {
  return outcome == Outcome::kShort ? (count + 1) / 2 : count;
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static auto* const original = next<ssize_t(int, const void*, size_t)>("write");
  const Outcome outcome = meet("write", descriptor);
  return outcome == Outcome::kFail ? -1 : original(descriptor, bytes, allowed(outcome, count));
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t at) {
  static auto* const original = next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  const Outcome outcome = meet("write", descriptor);
  return outcome == Outcome::kFail ? -1 : original(descriptor, bytes, allowed(outcome, count), at);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t at) {
  return pwrite64(descriptor, bytes, count, at);
}

ssize_t pread64(int descriptor, void* bytes, size_t count, off64_t at) {
  static auto* const original = next<ssize_t(int, void*, size_t, off64_t)>("pread64");
  return meet("read", descriptor) == Outcome::kFail ? -1 : original(descriptor, bytes, count, at);
}

ssize_t pread(int descriptor, void* bytes, size_t count, off_t at) {
  return pread64(descriptor, bytes, count, at);
}

int fsync(int descriptor) {
  static auto* const original = next<int(int)>("fsync");
  return meet("sync", descriptor) == Outcome::kFail ? -1 : original(descriptor);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const original = next<int(const char*, const char*)>("rename");
  return meet_path("rename", to) == Outcome::kFail ? -1 : original(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  static auto* const original = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
  return meet_path("rename", to) == Outcome::kFail ? -1 : original(from_folder, from, to_folder, to, flags);
}

int unlink(const char* path) noexcept {
  static auto* const original = next<int(const char*)>("unlink");
  return meet_path("unlink", path) == Outcome::kFail ? -1 : original(path);
}

int remove(const char* path) noexcept {
  static auto* const original = next<int(const char*)>("remove");
  return meet_path("unlink", path) == Outcome::kFail ? -1 : original(path);
}

int open64(const char* path, int flags, ...) {
  static auto* const original = next<int(const char*, int, ...)>("open64");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return meet_path("open", path) == Outcome::kFail ? -1 : original(path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open64(path, flags, mode);
}

}  // extern "C"
