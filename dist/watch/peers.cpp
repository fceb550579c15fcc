#include "dist/watch/peers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <sstream>

namespace alignment::dist::detail {
namespace {

constexpr std::chrono::milliseconds kInterval{250};

/// A small file of /proc. Empty, with errno, where it cannot be read.
std::optional<std::string> read_small_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // NOLINT(cppcoreguidelines-pro-type-vararg)
  if (file < 0) return std::nullopt;
  std::array<char, 1024> text{};
  const ssize_t length = ::read(file, text.data(), text.size());
  const int error = errno;
  ::close(file);
  errno = error;
  if (length < 0) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(length));
}

struct Status {
  char state = '?';
  std::uint64_t started = 0;
};

/// Of /proc/ID/stat: "ID (name) STATE ...", where the name may hold anything and the 22nd field is the start.
std::optional<Status> parse_status(const std::string& text) {
  constexpr int kFieldsBetween = 18;  // the state is the third
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  Status status;
  std::string skipped;
  fields >> status.state;
  for (int n = 0; n < kFieldsBetween; ++n) fields >> skipped;
  fields >> status.started;
  if (!fields || status.started == 0) return std::nullopt;
  return status;
}

std::optional<Status> status_of(std::int64_t process) {
  const std::optional<std::string> text = read_small_file(fmt::format("/proc/{}/stat", process));
  return text ? parse_status(*text) : std::nullopt;
}

/// 128 bits written as "6ba7b810-9dad-11d1-80b4-00c04fd430c8".
std::optional<std::array<std::uint64_t, 2>> boot() {
  std::optional<std::string> text = read_small_file("/proc/sys/kernel/random/boot_id");
  if (!text) return std::nullopt;
  std::erase_if(*text, [](char character) { return character == '-' || character == '\n'; });
  constexpr std::size_t kHalf = 16;
  if (text->size() != 2 * kHalf) return std::nullopt;
  std::array<std::uint64_t, 2> halves{};
  for (std::size_t half = 0; half < 2; ++half) {
    const char* digits = text->data() + half * kHalf;
    if (std::from_chars(digits, digits + kHalf, halves[half], 16).ptr != digits + kHalf) return std::nullopt;
  }
  return halves;
}

/// Whether /proc/ID is about the process that calls itself ID: a container may show another's /proc.
bool proc_is_ours() {
  std::array<char, 32> own{};
  const ssize_t length = ::readlink("/proc/self", own.data(), own.size());
  return length > 0 && std::string(own.data(), static_cast<std::size_t>(length)) == std::to_string(::getpid());
}

}  // namespace

ProcessIdentity own_identity() {
  struct stat ids {};
  const std::optional<std::array<std::uint64_t, 2>> booted = boot();
  const std::optional<Status> status = status_of(::getpid());
  if (!booted || !status || !proc_is_ours() || ::stat("/proc/self/ns/pid", &ids) != 0) return {};
  return {(*booted)[0], (*booted)[1], ids.st_ino, static_cast<std::uint64_t>(::getpid()), status->started};
}

std::vector<Neighbour> visible_neighbours(std::span<const ProcessIdentity> identities, Rank self) {
  constexpr std::size_t kPlace = 3;  // boot and namespace
  std::vector<Neighbour> neighbours;
  const ProcessIdentity& own = identities[static_cast<std::size_t>(self.value)];
  if (own == ProcessIdentity{}) return neighbours;
  for (std::size_t rank = 0; rank < identities.size(); ++rank) {
    const ProcessIdentity& other = identities[rank];
    if (other == own || !std::equal(other.begin(), other.begin() + kPlace, own.begin())) continue;
    const Neighbour neighbour{Rank{static_cast<int>(rank)}, static_cast<std::int64_t>(other[3]), other[4]};
    const std::optional<Status> status = status_of(neighbour.process);
    if (status && status->started == neighbour.started) neighbours.push_back(neighbour);
  }
  return neighbours;
}

Condition condition_of(const Neighbour& neighbour) {
  const std::optional<std::string> text = read_small_file(fmt::format("/proc/{}/stat", neighbour.process));
  if (!text) return errno == ENOENT || errno == ESRCH ? Condition::kGone : Condition::kRunning;
  const std::optional<Status> status = parse_status(*text);
  if (!status) return Condition::kRunning;
  if (status->started != neighbour.started) return Condition::kGone;
  switch (status->state) {
    case 'Z':  // ended; the parent has not asked yet
    case 'X':
    case 'x':
      return Condition::kGone;
    case 'T':
    case 't':  // by a debugger
      return Condition::kStopped;
    default:
      return Condition::kRunning;
  }
}

Peers::Peers(const Topology& topology, std::chrono::duration<double> confirmation)
    : host_(topology.host), neighbours_(topology.neighbours), confirmation_(confirmation) {
  start();
}

void Peers::start() {
  looked_ = Clock::now();
  missing_.reset();
}

std::optional<std::string> Peers::lost() {
  const Clock::time_point now = Clock::now();
  if (neighbours_.empty() || now - looked_ < kInterval) return std::nullopt;
  looked_ = now;
  for (const Neighbour& neighbour : neighbours_) {
    if (missing_) break;
    if (condition_of(neighbour) == Condition::kGone) missing_ = Missing{neighbour, now};
  }
  if (!missing_ || now - missing_->since < confirmation_) return std::nullopt;
  return text(missing_->neighbour) + " gone";
}

std::string Peers::remarks() const {
  std::string remarks;
  for (const Neighbour& neighbour : neighbours_) {
    const Condition condition = condition_of(neighbour);
    if (condition == Condition::kRunning) continue;
    remarks += fmt::format("; {} is {}", text(neighbour), condition == Condition::kGone ? "gone" : "stopped");
  }
  return remarks;
}

std::string Peers::text(const Neighbour& neighbour) const {
  return fmt::format("rank {} (process {} on {})", neighbour.rank.value, neighbour.process, host_);
}

}  // namespace alignment::dist::detail
