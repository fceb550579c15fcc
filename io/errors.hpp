#pragma once

#include <stdexcept>
#include <string>

namespace alignment::io {

/// A TSE store that cannot be used: missing, damaged, contradictory. The message is one line:
/// `file[:dataset[:sample]]: found; expected; what to do`.
struct StoreError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A model file or checkpoint that cannot be used.
struct ModelFileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A stored number that is NaN or infinite.
struct NotFiniteError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file or folder that cannot be written, or that exists and would be overwritten.
struct WriteError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace alignment::io
