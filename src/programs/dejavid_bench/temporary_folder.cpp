#include "src/programs/dejavid_bench/temporary_folder.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <system_error>

#include "io/errors.hpp"

namespace alignment::bench {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "dejavid_bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw io::WriteError(fmt::format("{}: found {}; expected to make a folder there; set TMPDIR to one with space",
                                     name, std::generic_category().message(errno)));
  }
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // what cannot be removed is the system's to clean up
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace alignment::bench
