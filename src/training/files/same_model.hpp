#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "dist/agreement.hpp"
#include "io/errors.hpp"
#include "src/config/run_layout.hpp"
#include "src/job/agreed.hpp"
#include "src/job/file_deadline.hpp"

namespace alignment {

/// Throws io::ModelFileError where the file is the best model of a run that left only that of its last epoch.
inline void require_best_model(const std::filesystem::path& file) {
  const std::filesystem::path last = file.parent_path() / run_layout::kModel;
  std::error_code ignored;
  if (file.filename() != run_layout::kBest || std::filesystem::exists(file, ignored) ||
      !std::filesystem::exists(last, ignored)) {
    return;
  }
  throw io::ModelFileError(fmt::format(
      "{}: found no such file; expected a model file; a run without val samples leaves only that of its last "
      "epoch; use {}",
      file.string(), last.string()));
}

/// Collective. What a system's reader finds in the model file, the same on every rank by its digest. Throws
/// dist::AgreedFailure.
template <typename Content>
[[nodiscard]] Content read_same_model(const std::filesystem::path& file, std::chrono::duration<double> timeout,
                                      Content (*read_model)(const std::filesystem::path&),
                                      std::uint64_t (*digest_of)(const Content&), dist::Communicator& communicator) {
  Content content;
  agreed(communicator, [&] {
    const dist::Deadline deadline = waiting_for_files("a read of the model", timeout);
    require_best_model(file);
    content = read_model(file);
  });
  if (!dist::same_on_all_ranks(communicator, digest_of(content))) {
    agreed(communicator, [&] {
      throw io::ModelFileError(
          fmt::format("{}: ranks found different models; expected the same on every host; copy it to all of them again",
                      file.string()));
    });
  }
  return content;
}

}  // namespace alignment
