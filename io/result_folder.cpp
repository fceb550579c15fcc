#include "io/result_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "io/bytes/digest.hpp"
#include "io/bytes/files_in_use.hpp"
#include "io/errors.hpp"

namespace alignment::io {

std::string file_name_of(std::string_view id) {
  constexpr std::size_t kLongest = 120, kKept = 100;
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  std::string name;
  for (const char byte : id) {
    if (kPlain.find(byte) != std::string_view::npos && !(name.empty() && byte == '.')) {
      name += byte;
    } else {
      name += fmt::format("={:02X}", static_cast<unsigned char>(byte));
    }
  }
  if (name.size() <= kLongest) return name;
  Digest digest;
  digest.add(std::string(id));
  return fmt::format("{}~{:016x}", name.substr(0, kKept), digest.value());
}

void make_result_folder(const std::filesystem::path& folder) {
  const FileInUse in_use(folder);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!std::filesystem::is_directory(folder) && !error) error = std::make_error_code(std::errc::not_a_directory);
  if (!error && ::access(folder.c_str(), W_OK | X_OK) != 0) error = {errno, std::generic_category()};
  if (!error) return;
  throw WriteError(
      fmt::format("{}: found {} (errno {}); expected a folder to write to; choose another name, or check "
                  "its permissions",
                  folder.string(), error.message(), error.value()));
}

void make_new_result_folder(const std::filesystem::path& folder) {
  make_result_folder(folder);
  const FileInUse in_use(folder);
  std::error_code error;
  const bool is_new = std::filesystem::is_empty(folder, error);
  if (error) {
    throw WriteError(
        fmt::format("{}: found {}; expected a folder to look into; choose another name, or check its "
                    "permissions",
                    folder.string(), error.message()));
  }
  if (is_new) return;
  throw WriteError(
      fmt::format("{}: found files in it; expected a new or an empty folder, so that nothing mixes; choose another "
                  "name, or empty the folder",
                  folder.string()));
}

}  // namespace alignment::io
