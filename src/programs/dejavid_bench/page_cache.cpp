#include "src/programs/dejavid_bench/page_cache.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

namespace alignment::bench {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;

[[noreturn]] void fail(int error, const std::filesystem::path& file) {
  throw std::system_error(error, std::generic_category(), file.string());
}

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& file) : file_(file), descriptor_(::open(file.c_str(), O_RDONLY)) {
    if (descriptor_ < 0) fail(errno, file_);
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::size_t size() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) fail(errno, file_);
    return static_cast<std::size_t>(status.st_size);
  }

 private:
  const std::filesystem::path& file_;
  int descriptor_;
};

}  // namespace

void drop_from_page_cache(const std::filesystem::path& file) {
  const OpenFile open(file);
  if (::fdatasync(open.descriptor()) != 0) fail(errno, file);  // pages yet to be written would stay
  if (const int error = ::posix_fadvise(open.descriptor(), 0, 0, POSIX_FADV_DONTNEED)) fail(error, file);
}

double cached_share(const std::filesystem::path& file) {
  const OpenFile open(file);
  const std::size_t size = open.size();
  if (size == 0) return 0;
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, open.descriptor(), 0);
  if (mapped == MAP_FAILED) fail(errno, file);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((size + page - 1) / page);
  const int error = ::mincore(mapped, size, pages.data()) == 0 ? 0 : errno;
  ::munmap(mapped, size);
  if (error != 0) fail(error, file);
  const auto cached = std::count_if(pages.begin(), pages.end(), [](unsigned char state) { return (state & 1U) != 0; });
  return static_cast<double>(cached) / static_cast<double>(pages.size());
}

std::int64_t read_raw(const std::filesystem::path& file) {
  const OpenFile open(file);
  std::vector<std::byte> piece(kPieceBytes);
  std::int64_t bytes = 0;
  for (;;) {
    const ssize_t count = ::read(open.descriptor(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno, file);
    if (count == 0) return bytes;
    bytes += count;
  }
}

}  // namespace alignment::bench
