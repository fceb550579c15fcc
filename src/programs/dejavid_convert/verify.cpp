#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "io/durable_file.hpp"
#include "io/store_check.hpp"
#include "src/programs/dejavid_convert/commands.hpp"
#include "src/run/standard_output.hpp"

namespace dejavid {
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

/// A report on a store that the check itself did not survive.
Json crashed_report(const std::filesystem::path& store, int status) {
  const std::string how = WIFSIGNALED(status)
                              ? fmt::format("signal {}, {}", WTERMSIG(status), strsignal(WTERMSIG(status)))
                              : fmt::format("exit code {}", WEXITSTATUS(status));
  io::StoreReport report;
  report.file = store;
  report.problem_count = 1;
  report.problems.push_back(
      fmt::format("{}: found a store that is corrupt: reading it crashed the HDF5 library ({}); expected a sound HDF5 "
                  "file; make it again",
                  store.string(), how));
  return to_json(report);
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
    try {
      write_all(channel[1], to_json(io::check_store(store)).dump(-1, ' ', false, Json::error_handler_t::replace));
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
      _exit(1);
    }
    _exit(0);
  }
  close(channel[1]);
  const std::string text = read_all(channel[0]);
  close(channel[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 ? Json::parse(text) : crashed_report(store, status);
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
    const Json report = check_apart(options->store);
    if (!options->json_file.empty()) {
      io::write_text(options->json_file, report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    }
    if (report["good"].get<bool>()) {
      print_result(fmt::format("{}: ok, {} samples{}\n", options->store.string(),
                               report["samples_read"].get<std::int64_t>(),
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
    throw CheckFailed{.exit_code = report["not_finite_count"].get<std::int64_t>() == all ? 12 : 10};
  });
}

}  // namespace dejavid
