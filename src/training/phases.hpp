#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace alignment {

/// Where a training run's time goes.
enum class Phase : std::uint8_t { kRead, kPaths, kForward, kBackward, kReduce, kUpdate, kEvaluate };
inline constexpr std::array<std::string_view, 7> kPhaseNames{"read",   "paths",  "forward", "backward",
                                                             "reduce", "update", "evaluate"};

/// Seconds spent in each phase by this rank.
class PhaseClock {
 public:
  /// Counts the time of its own life towards a phase.
  class Timer {
   public:
    explicit Timer(double& seconds) : seconds_(seconds), start_(std::chrono::steady_clock::now()) {}
    ~Timer() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    double& seconds_;
    std::chrono::steady_clock::time_point start_;
  };

  [[nodiscard]] Timer time(Phase phase) { return Timer(seconds_[static_cast<std::size_t>(phase)]); }
  /// Time that an earlier part of the run spent, by the phase's name.
  void add(const std::map<std::string, double>& spent) {
    for (std::size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
      const auto found = spent.find(std::string(kPhaseNames[phase]));
      if (found != spent.end()) seconds_[phase] += found->second;
    }
  }
  [[nodiscard]] const std::array<double, kPhaseNames.size()>& seconds() const { return seconds_; }

 private:
  std::array<double, kPhaseNames.size()> seconds_{};
};

}  // namespace alignment
