#include "src/training/files/metrics_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "io/bytes/files_in_use.hpp"
#include "io/bytes/shallow_json.hpp"
#include "io/errors.hpp"
#include "io/open_advice.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, int error) {
  throw io::WriteError(fmt::format("{}: found {}; expected to append metrics to it; {}", file.string(),
                                   std::strerror(error),
                                   io::open_advice(error, "check its permissions and the space left")));
}

int open_for_appending(const std::filesystem::path& file, int flags) {
  constexpr mode_t kMode = 0666;
  return open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, kMode);
}

/// Two processes must not go on with one run. File systems without locks are taken as they are.
void lock(const std::filesystem::path& file, int descriptor) {
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  throw io::WriteError(
      fmt::format("{}: found another process that writes this run; expected none; wait for its end, or choose another "
                  "run.dir",
                  file.string()));
}

}  // namespace

MetricsFile MetricsFile::create(const std::filesystem::path& file) {
  const int descriptor = open_for_appending(file, O_EXCL);
  if (descriptor < 0) fail(file, errno);
  MetricsFile metrics(file, descriptor);
  lock(file, descriptor);
  return metrics;
}

MetricsFile MetricsFile::reopen(const std::filesystem::path& file, std::int64_t from_step) {
  const int descriptor = open_for_appending(file, 0);
  if (descriptor < 0) fail(file, errno);
  MetricsFile metrics(file, descriptor);
  lock(file, descriptor);
  const KeptMetrics kept = metrics_before_step(metrics.content(), from_step, file);
  if (ftruncate(descriptor, static_cast<off_t>(kept.bytes)) != 0) fail(file, errno);
  if (kept.next_step < from_step) {
    const std::string steps = kept.next_step == from_step - 1
                                  ? fmt::format("step {}", kept.next_step)
                                  : fmt::format("steps {} to {}", kept.next_step, from_step - 1);
    log_warning(fmt::format(
        "{}: found no records of {}; expected one of every step before the checkpoint's; going on without them",
        file.string(), steps));
  }
  return metrics;
}

MetricsFile::~MetricsFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

MetricsFile::MetricsFile(MetricsFile&& other) noexcept
    : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

MetricsFile& MetricsFile::operator=(MetricsFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void MetricsFile::append(std::string_view line) {
  const io::FileInUse in_use(file_);
  const std::string text = std::string(line) + '\n';
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(descriptor_, text.data() + written, text.size() - written);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      fail(file_, errno);
    }
  }
}

std::string MetricsFile::content() const {
  const io::FileInUse in_use(file_);
  errno = 0;
  std::ifstream stream(file_, std::ios::binary);
  std::ostringstream text;
  if (stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  if (!stream.is_open() || stream.bad() || text.bad()) fail(file_, errno);
  return text.str();
}

KeptMetrics metrics_before_step(std::string_view text, std::int64_t from_step, const std::filesystem::path& file) {
  KeptMetrics kept;
  std::size_t& begin = kept.bytes;
  for (int line = 1; begin < text.size(); ++line) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) break;
    const std::string_view content = text.substr(begin, end - begin);
    const auto record = io::shallow_json<nlohmann::json>(content);
    const auto event = record.find("event");
    const bool is_step = record.is_object() && event != record.end() && *event == "step";
    if (!record.is_object() || event == record.end() ||
        (is_step && !record.value("step", nlohmann::json()).is_number_integer())) {
      throw io::WriteError(
          fmt::format("{}:{}: found a line that is not a metrics record; expected a JSON object with event; move the "
                      "file away to go on without it",
                      file.string(), line));
    }
    if (is_step) {
      const auto step = record["step"].get<std::int64_t>();
      if (step >= from_step) break;
      kept.next_step = step + 1;
    }
    begin = end + 1;
  }
  return kept;
}

}  // namespace alignment
