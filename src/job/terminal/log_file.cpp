#include "src/job/terminal/log_file.hpp"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "io/errors.hpp"
#include "src/config/run_layout.hpp"
#include "src/job/terminal/terminal.hpp"

namespace alignment {
namespace {

/// Standard error by way of terminal::write_line, which knows of the progress bar.
class TerminalSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit TerminalSink(const dist::Topology& topology)
      : warning_prefix_(fmt::format("warning: [{}:{}] ", topology.host, topology.rank.value)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view line(message.payload.data(), message.payload.size());
    terminal::write_line(message.level >= spdlog::level::warn ? warning_prefix_ + std::string(line)
                                                              : std::string(line));
  }
  void flush_() override {}

  std::string warning_prefix_;
};

std::shared_ptr<spdlog::logger> logger;

void write(LogLevel level, const std::string& line) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn};
  logger->log(kLevels[static_cast<std::size_t>(level)], spdlog::string_view_t(line));
}

}  // namespace

void start_log(const dist::Topology& topology) {
  auto sink = std::make_shared<TerminalSink>(topology);
  sink->set_level(topology.rank.value == 0 ? spdlog::level::info : spdlog::level::warn);
  logger = std::make_shared<spdlog::logger>("dejavid", sink);
  logger->set_level(spdlog::level::debug);
  logger->flush_on(spdlog::level::debug);
  // Without this, spdlog reports what it cannot write in a format of its own, at most once a second.
  logger->set_error_handler([](const std::string& problem) { terminal::write_line("warning: log: " + problem); });
  set_log(write);
}

void open_log_file(const std::filesystem::path& folder, const dist::Topology& topology) {
  if (!logger) start_log(topology);
  const std::filesystem::path file = folder / run_layout::kLogs / fmt::format("rank{}.log", topology.rank.value);
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
    logger->sinks().push_back(std::move(sink));
  } catch (const spdlog::spdlog_ex& error) {
    throw io::WriteError(fmt::format("{}: found {}; expected to append to it; check the folder's permissions and space",
                                     file.string(), error.what()));
  }
}

}  // namespace alignment
