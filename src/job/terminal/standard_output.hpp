#pragma once

namespace alignment {

/// What a program does before it opens any file: a write into a pipe that no one reads, or beyond the limit on the size
/// of a file, fails instead of killing the program, and no file that it opens gets the number of a standard stream that
/// was closed.
void prepare_standard_streams();

}  // namespace alignment
