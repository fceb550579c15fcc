#pragma once

#include <string>
#include <string_view>

namespace alignment::report {

/// A report: one HTML document without scripts that loads nothing, readable on light and on dark, on a screen and on a
/// telephone. The same content gives the same bytes.
class Page {
 public:
  /// `about_html`: what it is of, below the title.
  Page(std::string_view title, std::string_view about_html);

  /// Appends a section. Empty html: left out.
  void section(std::string_view heading, std::string_view html);

  [[nodiscard]] std::string document() const;

 private:
  std::string head_, body_;
};

}  // namespace alignment::report
