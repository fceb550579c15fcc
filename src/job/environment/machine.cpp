#include "src/job/environment/machine.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

namespace alignment {

namespace fs = std::filesystem;

std::string processor_model() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    if (begin != std::string::npos) return line.substr(begin);
  }
  return "unknown";
}

std::string file_system_of(const fs::path& path) {
  const fs::path folder = nearest_existing_folder(path);
  std::ifstream stream("/proc/self/mounts");
  fs::path mount_point;
  std::string type = "unknown";
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string device, point, point_type;
    words >> device >> point >> point_type;
    const fs::path candidate(point);
    const bool holds =
        std::mismatch(candidate.begin(), candidate.end(), folder.begin(), folder.end()).first == candidate.end();
    // A later line covers an earlier one at the same point.
    if (holds && point.size() >= mount_point.string().size()) {
      mount_point = candidate;
      type = point_type;
    }
  }
  return type + " on " + (mount_point.empty() ? std::string("?") : mount_point.string());
}

fs::path nearest_existing_folder(const fs::path& folder) {
  std::error_code error;
  fs::path existing = fs::absolute(folder, error);
  if (error) return ".";  // the working folder was removed
  existing = fs::weakly_canonical(existing, error);
  while (!fs::is_directory(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
  return existing;
}

std::vector<std::string> process_command_line() {
  std::ifstream stream("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(stream, word, '\0');) words.push_back(word);
  return words;
}

}  // namespace alignment
