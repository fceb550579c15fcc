#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>

#include "io/bytes/utf8.hpp"
#include "io/hdf5/crash_guard.hpp"
#include "io/result_file.hpp"
#include "io/store/store_check.hpp"
#include "src/programs/dejavid_convert/commands.hpp"

namespace alignment {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const io::StoreReport& report) {
  return {{"file", report.file.string()},
          {"good", report.good()},
          {"opened", report.opened},
          {"samples", report.sample_count},
          {"samples_read", report.samples_read},
          {"has_digests", report.has_digests},
          {"problem_count", report.problem_count},
          {"not_finite_count", report.not_finite_count},
          {"problems", report.problems}};
}

void write_all(int file, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(file, text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) {
      _exit(1);
    }
    written += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
}

std::string read_all(int file) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(file, buffer, sizeof buffer);
    if (count > 0) {
      text.append(buffer, static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      return text;
    }
  }
}

/// What the child sends when it does not get as far as a report begins with this, as does the crash guard's line.
constexpr std::string_view kError = "error: ";

/// A report on a store that the check itself did not survive; `text` is what the child still sent.
Json report_without_check(const std::filesystem::path& store, std::string_view text, int status) {
  io::StoreReport report;
  report.file = store;
  report.problem_count = 1;
  if (text.starts_with(kError) && text.ends_with('\n')) {
    text.remove_prefix(kError.size());
    text.remove_suffix(1);
    report.problems.emplace_back(text);
  } else {
    const std::string how = WIFSIGNALED(status)
                                ? fmt::format("signal {}, {}", WTERMSIG(status), strsignal(WTERMSIG(status)))
                                : fmt::format("exit code {}", WEXITSTATUS(status));
    report.problems.push_back(fmt::format(
        "{}: found that reading it ended the process that read it ({}); expected a sound store that fits into memory; "
        "look for messages of the system, copy it again or make it again",
        store.string(), how));
  }
  return to_json(report);
}

/// A file may claim so much that reading it would bring the machine down: what it may take is the memory there is.
void bound_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which reserve far more addresses than that
  const auto bytes = static_cast<rlim_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0) return;
  limit.rlim_cur = std::min(limit.rlim_cur, bytes);
  setrlimit(RLIMIT_AS, &limit);
#endif
}

/// The child's part: sends the report, or a line that begins with kError.
[[noreturn]] void check_and_send(const std::filesystem::path& store, int channel) {
  io::report_crashes_to(channel);
  bound_memory();
  std::string line;
  try {
    write_all(channel, to_json(io::check_store(store)).dump(-1, ' ', false, Json::error_handler_t::replace));
    _exit(0);
  } catch (const std::bad_alloc&) {
    line = fmt::format(
        "{}: found a store that takes more memory to read than this machine has; expected a sound store; make it again",
        store.string());
  } catch (const std::exception& error) {
    line = fmt::format("{}: found {}; expected to check it; see that it can be read", store.string(), error.what());
  }
  write_all(channel, fmt::format("{}{}\n", kError, line));
  _exit(1);
}

/// Checks in a child process, because a malformed file can crash the HDF5 library.
Json check_apart(const std::filesystem::path& store) {
  int channel[2];
  if (pipe(channel) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  std::cout.flush();
  const pid_t child = fork();
  if (child < 0) {
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  if (child == 0) {
    close(channel[0]);
    check_and_send(store, channel[1]);
  }
  close(channel[1]);
  const std::string text = read_all(channel[0]);
  close(channel[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 ? Json::parse(text) : report_without_check(store, text, status);
}

}  // namespace

void add_verify(CLI::App& program) {
  struct Options {
    std::filesystem::path store, json_file;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("verify", "read everything in a store and say what is wrong with it");
  command->add_option("store", options->store, "store to check")->required()->type_name("FILE.h5");
  command->add_option("--json", options->json_file, "also write the result as JSON")->type_name("FILE.json");
  command->callback([options] {
    std::optional<io::ResultFile> result;
    if (!options->json_file.empty()) result.emplace(options->json_file, std::vector{options->store});
    const Json report = check_apart(options->store);
    if (result) result->write(report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    if (report["good"].get<bool>()) {
      if (result && result->is_standard_output()) return;
      io::write_standard_output(fmt::format(
          "{}: ok, {} samples{}\n", io::printable(options->store.string()), report["samples_read"].get<std::int64_t>(),
          report["has_digests"].get<bool>() ? "" : " (without digests: content not checked)"));
      return;
    }
    for (const Json& problem : report["problems"]) {
      std::cerr << "error: " << problem.get<std::string>() << '\n';
    }
    const auto shown = static_cast<std::int64_t>(report["problems"].size()),
               all = report["problem_count"].get<std::int64_t>();
    if (shown < all) {
      std::cerr << fmt::format("error: {}: found {} more problems\n", options->store.string(), all - shown);
    }
    throw CheckFailed{.exit_code = report["not_finite_count"].get<std::int64_t>() == all ? ExitCode::kNotFinite
                                                                                         : ExitCode::kStore};
  });
}

}  // namespace alignment
