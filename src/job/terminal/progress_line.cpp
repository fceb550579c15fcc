#include "src/job/terminal/progress_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace alignment {
namespace {

constexpr int kFewestBarColumns = 8, kMostBarColumns = 24;
constexpr std::int64_t kSecondsPerMinute = 60, kMinutesPerHour = 60;

double done(const ProgressState& state) {
  return static_cast<double>(state.done) + state.under_way;
}

/// Since the stage began.
double whole_rate(const ProgressState& state) {
  return state.seconds > 0 ? (done(state) - static_cast<double>(state.resumed)) / state.seconds : 0;
}

double rate(const ProgressState& state) {
  return state.recent_rate.value_or(whole_rate(state));
}

/// Whether there is anything to make a rate of.
bool has_rate(const ProgressState& state) {
  return done(state) > static_cast<double>(state.resumed);
}

bool has_total(const ProgressState& state) {
  return state.total != ProgressState::kUnknownTotal;
}

/// Three digits that matter.
std::string rate_text(double per_second) {
  return per_second >= 100  ? fmt::format("{:.0f}", per_second)
         : per_second >= 10 ? fmt::format("{:.1f}", per_second)
                            : fmt::format("{:.2f}", per_second);
}

std::string remaining_text(const ProgressState& state) {
  const double remaining = std::max(static_cast<double>(state.total) - done(state), 0.0);
  return duration_text(rate(state) > 0 ? remaining / rate(state) : std::numeric_limits<double>::infinity());
}

/// 0 to 1; a stage without anything to do is done.
double fraction(const ProgressState& state) {
  if (state.total <= 0) return 1;
  return std::clamp(done(state) / static_cast<double>(state.total), 0.0, 1.0);
}

int percent(const ProgressState& state) {
  return static_cast<int>(std::floor(100 * fraction(state)));
}

}  // namespace

void RecentRate::add(double seconds, double done) {
  constexpr double kBetweenPoints = 1;  // seconds
  // The last point moves along until it is far enough from the one before.
  if (points_.size() > 1 && seconds - points_[points_.size() - 2].seconds < kBetweenPoints) points_.pop_back();
  points_.push_back({seconds, done});
  while (points_.size() > 2 && seconds - points_[1].seconds >= kSpan && done - points_[1].done >= kFewestUnits) {
    points_.pop_front();
  }
}

std::optional<double> RecentRate::per_second() const {
  if (points_.size() < 2) return std::nullopt;
  const double seconds = points_.back().seconds - points_.front().seconds;
  if (!(seconds > 0)) return std::nullopt;
  return (points_.back().done - points_.front().done) / seconds;
}

std::string bar_line(const ProgressState& state, int width) {
  const int usable = std::max(width - 1, 1);  // a full last column would make some terminals wrap
  if (!has_total(state)) {
    std::string line = plain_line(state);
    line.resize(std::min(line.size(), static_cast<std::size_t>(usable)));
    return line;
  }
  std::string numbers = fmt::format("{:>3}%  {}/{} {}", percent(state), state.done, state.total, state.unit);
  if (has_rate(state)) numbers += fmt::format("  {}/s  ETA {}", rate_text(rate(state)), remaining_text(state));
  if (!state.note.empty()) numbers += "  " + state.note;

  const int around_bar = static_cast<int>(state.stage.size() + std::string_view(" [] ").size() + numbers.size());
  const int columns = std::clamp(usable - around_bar, kFewestBarColumns, kMostBarColumns);
  const int filled = static_cast<int>(std::floor(columns * fraction(state)));
  std::string bar(static_cast<std::size_t>(filled), '=');
  if (filled < columns) bar += '>';
  bar.resize(static_cast<std::size_t>(columns), ' ');

  std::string line = fmt::format("{} [{}] {}", state.stage, bar, numbers);
  line.resize(std::min(line.size(), static_cast<std::size_t>(usable)));
  return line;
}

std::string plain_line(const ProgressState& state) {
  std::string line = has_total(state) ? fmt::format("{}: {}/{} {} ({}%)", state.stage, state.done, state.total,
                                                    state.unit, percent(state))
                                      : fmt::format("{}: {} {}", state.stage, state.done, state.unit);
  if (has_rate(state)) line += fmt::format(", {} {}/s", rate_text(rate(state)), state.unit);
  if (has_rate(state) && has_total(state)) line += fmt::format(", ETA {}", remaining_text(state));
  if (!state.note.empty()) line += ", " + state.note;
  return line;
}

std::string closing_line(const ProgressState& state) {
  const std::string amount = state.done == state.total || !has_total(state)
                                 ? fmt::format("{}", state.done)
                                 : fmt::format("{}/{}", state.done, state.total);
  const std::string time_taken =
      state.seconds < kSecondsPerMinute ? fmt::format("{:.1f} s", state.seconds) : duration_text(state.seconds);
  std::string line = fmt::format("{}: {} {} in {}", state.stage, amount, state.unit, time_taken);
  if (has_rate(state) && state.seconds > 0) line += fmt::format(", {} {}/s", rate_text(whole_rate(state)), state.unit);
  if (!state.note.empty()) line += ", " + state.note;
  return line;
}

std::string duration_text(double seconds) {
  constexpr double kLongestShown = 1e9;
  if (!(seconds >= 0 && seconds < kLongestShown)) return "?";
  const std::int64_t whole = std::llround(seconds);
  const std::int64_t minutes = whole / kSecondsPerMinute;
  if (minutes < kMinutesPerHour) return fmt::format("{}:{:02}", minutes, whole % kSecondsPerMinute);
  return fmt::format("{}:{:02}:{:02}", minutes / kMinutesPerHour, minutes % kMinutesPerHour, whole % kSecondsPerMinute);
}

}  // namespace alignment
