#pragma once

#include <string_view>

/// Standard error, shared by the progress bar and the log so that neither writes into the other's line. Safe from any
/// thread.
namespace alignment::terminal {

[[nodiscard]] bool is_terminal();
/// Whether it is a terminal that takes escapes, and its user does: TERM is set and not "dumb", NO_COLOR is not set.
[[nodiscard]] bool takes_escapes();
/// Columns of the terminal; 80 where that is unknown.
[[nodiscard]] int width();

/// Columns of a page on standard output: the environment's COLUMNS, else those of the terminal, else 100.
[[nodiscard]] int page_columns();

/// Writes a line, in the place of the bar if there is one.
void write_line(std::string_view line);
/// Draws the bar in the last line, over the one drawn before.
void draw_bar(std::string_view bar);
/// Removes the bar if there is one.
void erase_bar();

}  // namespace alignment::terminal
