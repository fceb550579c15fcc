#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>

namespace alignment::io {

/// A list for a message: the first five of many, and how many more there are.
class FirstFew {
 public:
  static constexpr std::size_t kShown = 5;

  template <typename Value>
  void add(const Value& value) {
    if (count_++ < kShown) {
      shown_ += fmt::format("{}{}", shown_.empty() ? "" : ", ", value);
    } else {
      ++more_;
    }
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  /// `3, 7, 8, 9, 12 and 30 more`.
  [[nodiscard]] std::string text() const { return more_ == 0 ? shown_ : fmt::format("{} and {} more", shown_, more_); }

 private:
  std::string shown_;
  std::size_t count_ = 0, more_ = 0;
};

}  // namespace alignment::io
