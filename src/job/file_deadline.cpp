#include "src/job/file_deadline.hpp"

#include "io/bytes/files_in_use.hpp"

namespace alignment {
namespace {

std::string name_files() {
  const std::string files = io::files_in_use();
  return files.empty() ? "" : " (at work on " + files + ")";
}

}  // namespace

dist::Deadline waiting_for_files(const char* work, std::chrono::duration<double> timeout) {
  return {dist::WaitsFor::kFileSystem, work, timeout, name_files};
}

}  // namespace alignment
