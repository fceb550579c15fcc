#include "io/bytes/files_in_use.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace alignment::io {
namespace {

/// Lives for as long as the process: a thread may still be stuck in a call while it ends.
struct Register {
  std::mutex mutex;
  std::vector<const std::filesystem::path*> files;
};

Register& in_use() {
  static Register& kept = *new Register;
  return kept;
}

}  // namespace

FileInUse::FileInUse(const std::filesystem::path& file) : file_(&file) {
  Register& all = in_use();
  const std::lock_guard lock(all.mutex);
  all.files.push_back(file_);
}

FileInUse::~FileInUse() {
  Register& all = in_use();
  const std::lock_guard lock(all.mutex);
  all.files.erase(std::find(all.files.begin(), all.files.end(), file_));
}

std::string files_in_use() {
  Register& all = in_use();
  const std::lock_guard lock(all.mutex);
  std::vector<std::string> names;
  for (const std::filesystem::path* file : all.files) {
    if (std::find(names.begin(), names.end(), file->string()) == names.end()) names.push_back(file->string());
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace alignment::io
