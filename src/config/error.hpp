#pragma once

#include <stdexcept>

namespace alignment {

/// A mistake in the command line or a configuration file: one line naming the file and line (or the option), what was
/// found, what was expected and the nearest known key. Exit code 2.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace alignment
