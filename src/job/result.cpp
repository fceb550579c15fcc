#include "src/job/result.hpp"

#include "src/job/agreed.hpp"
#include "src/job/file_deadline.hpp"

namespace alignment {

dist::Deadline writing_result(std::chrono::duration<double> timeout) {
  return waiting_for_files("a write of the result", timeout);
}

std::optional<io::ResultFile> open_result(const std::filesystem::path& out,
                                          const std::vector<std::filesystem::path>& inputs,
                                          std::chrono::duration<double> timeout, dist::Communicator& communicator) {
  std::optional<io::ResultFile> result;
  agreed(communicator, [&] {
    if (out.empty() || !communicator.is_root()) return;
    const dist::Deadline deadline = writing_result(timeout);
    result.emplace(out, inputs);
  });
  return result;
}

void write_result(const io::ResultFile& result, const std::string& content, std::chrono::duration<double> timeout) {
  if (!result.is_regular()) return result.write(content);
  const dist::Deadline deadline = writing_result(timeout);
  result.write(content);
}

}  // namespace alignment
