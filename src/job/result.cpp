#include "src/job/result.hpp"

#include "src/job/agreed.hpp"
#include "src/job/file_deadline.hpp"

namespace alignment {
namespace {

constexpr const char* kWork = "a write of the result";

}  // namespace

std::optional<io::ResultFile> open_result(const std::filesystem::path& out,
                                          const std::vector<std::filesystem::path>& inputs,
                                          std::chrono::duration<double> timeout, dist::Communicator& communicator) {
  std::optional<io::ResultFile> result;
  agreed(communicator, [&] {
    if (out.empty() || !communicator.is_root()) return;
    const dist::Deadline deadline = waiting_for_files(kWork, timeout);
    result.emplace(out, inputs);
  });
  return result;
}

void write_result(const io::ResultFile& result, const std::string& content, std::chrono::duration<double> timeout) {
  if (!result.is_regular()) return result.write(content);
  const dist::Deadline deadline = waiting_for_files(kWork, timeout);
  result.write(content);
}

}  // namespace alignment
