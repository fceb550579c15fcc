#include "src/encoding/samples/windows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>
#include <utility>

namespace alignment::encoding {
namespace {

__extension__ using Wide = __int128;  // the products of 64-bit numbers

/// Windows and rows as they come; a window that is there already is not kept a second time.
class PlanBuilder {
 public:
  PlanBuilder(int frames, int windows_of_a_row) : known_(0, Hash{*this}, Equal{*this}) {
    plan_.frames = frames;
    plan_.windows_of_a_row = windows_of_a_row;
  }
  PlanBuilder(const PlanBuilder&) = delete;
  PlanBuilder& operator=(const PlanBuilder&) = delete;
  ~PlanBuilder() = default;

  /// The coming window of the row under way; frame_of(j) is its frame j.
  template <typename FrameOf>
  void add(FrameOf&& frame_of) {
    const std::int64_t number = plan_.windows();
    for (int j = 0; j < plan_.frames; ++j) plan_.frame_of_window.push_back(frame_of(j));
    const auto [known, fresh] = known_.insert(number);
    if (!fresh) plan_.frame_of_window.resize(static_cast<std::size_t>(number * plan_.frames));
    if (plan_.window_of_row.size() % static_cast<std::size_t>(plan_.windows_of_a_row) == 0) {
      plan_.middle_frame.push_back(begin_of(*known)[plan_.frames / 2]);
    }
    plan_.window_of_row.push_back(*known);
  }

  [[nodiscard]] WindowPlan take() { return std::move(plan_); }

 private:
  [[nodiscard]] const std::int64_t* begin_of(std::int64_t window) const {
    return plan_.frame_of_window.data() + window * plan_.frames;
  }

  struct Hash {
    const PlanBuilder& builder;
    std::size_t operator()(std::int64_t window) const {
      std::uint64_t hash = 0;
      const std::int64_t* frame = builder.begin_of(window);
      for (int j = 0; j < builder.plan_.frames; ++j) {
        hash = (hash ^ static_cast<std::uint64_t>(frame[j])) * 0x9E3779B97F4A7C15U;
        hash ^= hash >> 29U;
      }
      return hash;
    }
  };
  struct Equal {
    const PlanBuilder& builder;
    bool operator()(std::int64_t left, std::int64_t right) const {
      return std::equal(builder.begin_of(left), builder.begin_of(left) + builder.plan_.frames, builder.begin_of(right));
    }
  };

  WindowPlan plan_;
  std::unordered_set<std::int64_t, Hash, Equal> known_;  ///< numbers of windows, by their frames
};

WindowPlan plan_fractions(const WindowRule& rule, std::int64_t count) {
  const Wide a = rule.width_divisor, b = rule.stride_divisor, m = rule.frames;
  PlanBuilder builder(rule.frames, 1);
  for (Wide i = 0; i * a + b <= a * b; ++i) {
    builder.add([&](int j) { return static_cast<std::int64_t>(count * (i * a * m + j * b) / (a * b * m)); });
  }
  return builder.take();
}

WindowPlan plan_widths(const WindowRule& rule, std::int64_t count) {
  const std::int64_t m = rule.frames;
  PlanBuilder builder(rule.frames, static_cast<int>(rule.widths.size()));
  for (std::int64_t t = 0; t < count; ++t) {
    for (const std::int64_t width : rule.widths) {
      const std::int64_t whole = width == 0 ? count : width;
      const std::int64_t extent = rule.clamp ? whole : std::min(whole, count);
      std::int64_t start = t - extent / 2;
      if (!rule.clamp) start = std::clamp<std::int64_t>(start, 0, count - extent);
      builder.add([&](int j) {
        const auto frame = static_cast<std::int64_t>(start + Wide{j} * extent / m);
        return std::clamp<std::int64_t>(frame, 0, count - 1);
      });
    }
  }
  WindowPlan plan = builder.take();
  std::iota(plan.middle_frame.begin(), plan.middle_frame.end(), std::int64_t{0});
  return plan;
}

}  // namespace

WindowPlan plan_windows(const WindowRule& rule, std::int64_t frame_count) {
  return rule.kind == WindowRule::Kind::kFraction ? plan_fractions(rule, frame_count) : plan_widths(rule, frame_count);
}

std::string to_text(const WindowRule& rule) {
  if (rule.kind == WindowRule::Kind::kFraction) {
    return fmt::format("fraction a={} b={} m={}", rule.width_divisor, rule.stride_divisor, rule.frames);
  }
  std::vector<std::string> widths;
  for (const std::int64_t width : rule.widths) widths.push_back(width == 0 ? "video" : std::to_string(width));
  return fmt::format("multi widths={} m={} {}", fmt::join(widths, ","), rule.frames, rule.clamp ? "clamp" : "inside");
}

}  // namespace alignment::encoding
