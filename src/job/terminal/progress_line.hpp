#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace alignment {

/// How far a stage is.
struct ProgressState {
  std::string stage, unit, note;
  std::int64_t done = 0;
  std::int64_t total = 0;    ///< kUnknownTotal: nobody can say
  double seconds = 0;        ///< since the stage began
  std::int64_t resumed = 0;  ///< how much of `done` an earlier process did: it does not count towards the rate
  double under_way = 0;      ///< how much more is done of what is not whole yet: counts towards share and rate
  /// Units a second of late (RecentRate), for lines on the way; without it those since the stage began.
  std::optional<double> recent_rate = std::nullopt;

  static constexpr std::int64_t kUnknownTotal = -1;
};

/// How fast a stage is of late, so that an ETA follows a machine that becomes faster or slower.
class RecentRate {
 public:
  /// How far back it looks; further, until kFewestUnits were done, where they take long.
  static constexpr double kSpan = 30;  // seconds
  static constexpr double kFewestUnits = 10;

  /// `done` of the stage `seconds` after its beginning; both grow from call to call.
  void add(double seconds, double done);
  /// Units a second; none before there is a time to make a rate of.
  [[nodiscard]] std::optional<double> per_second() const;

 private:
  struct Point {
    double seconds = 0, done = 0;
  };
  std::deque<Point> points_;  ///< oldest first
};

/// "epoch 3 [=====>    ]  42%  1512/3600 samples  870/s  ETA 0:02  loss 1.93", less than `width` columns: the bar
/// shrinks, then the end is cut.
[[nodiscard]] std::string bar_line(const ProgressState& state, int width);

/// "epoch 3: 1512/3600 samples (42%), 870 samples/s, ETA 0:02, loss 1.93"
[[nodiscard]] std::string plain_line(const ProgressState& state);

/// "epoch 3: 3600 samples in 4.1 s, 870 samples/s, loss 1.93"
[[nodiscard]] std::string closing_line(const ProgressState& state);

/// "0:04", "12:30", "3:05:00"; "?" for what is not a finite time.
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace alignment
