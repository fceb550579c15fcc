#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "dist/agreement.hpp"
#include "io/errors.hpp"
#include "src/job/agreed.hpp"
#include "src/job/file_deadline.hpp"

namespace alignment {

/// Collective. What a system's reader finds in the model file, the same on every rank by its digest. Throws
/// dist::AgreedFailure.
template <typename Content>
[[nodiscard]] Content read_same_model(const std::filesystem::path& file, std::chrono::duration<double> timeout,
                                      Content (*read_model)(const std::filesystem::path&),
                                      std::uint64_t (*digest_of)(const Content&), dist::Communicator& communicator) {
  Content content;
  agreed(communicator, [&] {
    const dist::Deadline deadline = waiting_for_files("a read of the model", timeout);
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
