#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace alignment::bench {

/// How a program has ended.
struct ChildEnd {
  int exit_code = 0;      ///< 127: it could not be started; 128 + N: ended by signal N
  std::string last_line;  ///< on its stderr, or empty
};

/// Runs a program, looked for on the PATH where its name has no slash, and waits for its end. What it prints goes to
/// our stderr, what it says on its own stderr to the file `errors`. Ends it, and throws std::runtime_error, where a
/// signal asks us to stop. Throws std::system_error.
[[nodiscard]] ChildEnd run_program(const std::vector<std::string>& command, const std::filesystem::path& errors);

}  // namespace alignment::bench
