#pragma once

#include <cstdint>
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

  static constexpr std::int64_t kUnknownTotal = -1;
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
