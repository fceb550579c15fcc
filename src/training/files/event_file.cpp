#include "src/training/files/event_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "io/bytes/files_in_use.hpp"
#include "io/errors.hpp"

namespace alignment {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file) {
  throw io::WriteError(
      fmt::format("{}: found {}; expected to write events for TensorBoard to it; check its permissions and the space "
                  "left, or set run.tensorboard = false",
                  file.string(), std::strerror(errno)));
}

void write(int descriptor, const std::filesystem::path& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      fail(file);
    }
  }
}

/// Returns the descriptor, at the end of the file.
int overwrite(const std::filesystem::path& file, std::string_view bytes) {
  const io::FileInUse in_use(file);
  constexpr mode_t kMode = 0666;
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, kMode);
  if (descriptor < 0) fail(file);
  try {
    write(descriptor, file, bytes);
  } catch (...) {
    close(descriptor);
    throw;
  }
  return descriptor;
}

/// Markdown shows lines that begin with four spaces as they are.
std::string as_code(std::string_view text) {
  std::string code = "    ";
  for (const char character : text) {
    code += character;
    if (character == '\n') code += "    ";
  }
  return code;
}

/// Calls `visit` for every whole line, without its newline.
template <typename Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string_view::npos; begin = end + 1) {
    visit(text.substr(begin, end - begin));
  }
}

}  // namespace

EventPoints EventCurves::points_of(std::string_view line) {
  const nlohmann::ordered_json record = nlohmann::ordered_json::parse(line);
  const bool is_step = record.at("event") == "step";
  if (is_step) last_step_ = record.at("step").get<std::int64_t>();
  EventPoints points{0, last_step_, {}};
  if (const auto time = record.find("time"); time != record.end() && time->is_number()) points.time = *time;
  for (const auto& [name, value] : record.items()) {
    if (name == "event" || name == "epoch" || name == "step" || name == "time" || !value.is_number()) continue;
    if (is_step) of_steps_.insert(name);
    points.scalars.push_back({is_step ? "train/" + name : tag_of(name), static_cast<float>(value.get<double>())});
  }
  return points;
}

/// Of a number of an epoch.
std::string EventCurves::tag_of(const std::string& name) const {
  constexpr std::string_view kTrain = "train_", kValidation = "val_";
  if (name.starts_with(kValidation)) return "val/" + name.substr(kValidation.size());
  if (!name.starts_with(kTrain)) return name == "seconds" ? "speed/epoch_seconds" : "speed/" + name;
  const std::string score = name.substr(kTrain.size());
  return (of_steps_.contains(score) ? "train/epoch_" : "train/") + score;
}

EventFile::EventFile(const std::filesystem::path& folder, std::string_view config_toml, std::string_view metrics,
                     double now)
    : file_(folder / "events.out.tfevents.metrics") {
  double begin = now;
  std::string lines;
  for_each_line(metrics, [&](std::string_view line) {
    const EventPoints points = curves_.points_of(line);
    if (points.time > 0) begin = std::min(begin, points.time);
    lines += io::scalars_record(points.time, points.step, points.scalars);
  });
  const std::string version = io::version_record(begin);
  const std::filesystem::path config = folder / "events.out.tfevents.config";
  close(overwrite(config, version + io::text_record(begin, 0, "config", as_code(config_toml))));
  descriptor_ = overwrite(file_, version + lines);
}

EventFile::~EventFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

EventFile::EventFile(EventFile&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      curves_(std::move(other.curves_)) {}

EventFile& EventFile::operator=(EventFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(curves_, other.curves_);
  return *this;
}

void EventFile::append(std::string_view line) {
  const EventPoints points = curves_.points_of(line);
  const io::FileInUse in_use(file_);
  write(descriptor_, file_, io::scalars_record(points.time, points.step, points.scalars));
}

}  // namespace alignment
