#include "src/programs/dejavid_bench/child_program.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <system_error>
#include <thread>

#include "src/job/signals.hpp"
#include "src/programs/dejavid_bench/parts.hpp"

namespace alignment::bench {
namespace {

constexpr int kNotStarted = 127, kSignalBase = 128;
constexpr std::chrono::milliseconds kBetweenLooks{50};

/// Where the program's output goes.
class Redirections {
 public:
  explicit Redirections(const std::filesystem::path& errors) {
    check(posix_spawn_file_actions_init(&actions_));
    check(posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO));
    check(posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                           S_IRUSR | S_IWUSR));
  }
  ~Redirections() { posix_spawn_file_actions_destroy(&actions_); }
  Redirections(const Redirections&) = delete;
  Redirections& operator=(const Redirections&) = delete;

  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  static void check(int error) {
    if (error != 0) throw std::system_error(error, std::generic_category(), "posix_spawn");
  }
  posix_spawn_file_actions_t actions_{};
};

std::string last_line_of(const std::filesystem::path& file) {
  std::ifstream text(file);
  std::string line, last;
  while (std::getline(text, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

/// Its wait status.
int wait_for(pid_t child) {
  int status = 0;
  for (bool ended_by_us = false;;) {
    const pid_t found = ::waitpid(child, &status, WNOHANG);
    if (found == child) return status;
    if (found < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
    if (stop_requested() && !ended_by_us) {
      ::kill(child, SIGTERM);
      ended_by_us = true;
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace

ChildEnd run_program(const std::vector<std::string>& command, const std::filesystem::path& errors) {
  const Redirections redirections(errors);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, arguments.front(), redirections.get(), nullptr, arguments.data(), environ);
  if (error != 0) return {kNotStarted, std::generic_category().message(error)};
  const int status = wait_for(child);
  stop_if_asked();
  return {WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status), last_line_of(errors)};
}

}  // namespace alignment::bench
