#pragma once

#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace alignment::fuzz {

/// What the file <format>_target.cpp gives to libFuzzer (libfuzzer_entry.cpp) and to our own driver (mutants_test.cpp).
extern const char* const kFormat;

/// Small valid inputs.
[[nodiscard]] std::vector<std::string> seeds();

/// Lets the reader of the format have `input`, as a file in `folder` where it wants one. True: it was read. False: it
/// was refused as the reader promises. Anything else - a crash, another exception, a message that does not name the
/// file, content that the digests should have refused - is a find.
[[nodiscard]] bool reads(std::string_view input, const std::filesystem::path& folder);

/// A find that is neither a crash nor an exception of the reader.
struct BrokenPromise : std::logic_error {
  using std::logic_error::logic_error;
};

void write_input(const std::filesystem::path& file, std::string_view input);
[[nodiscard]] std::string read_output(const std::filesystem::path& file);

/// A message is one line that begins with the name of the file.
void require_good_message(const std::filesystem::path& file, std::string_view message);

/// True where `work` returns; false where it throws one of `Refusals` with a good message.
template <typename... Refusals, typename Work>
bool returns(const std::filesystem::path& file, Work&& work) {
  try {
    work();
    return true;
  } catch (const std::exception& error) {
    const bool promised = ((dynamic_cast<const Refusals*>(&error) != nullptr) || ...);
    if (!promised) throw;
    require_good_message(file, error.what());
    return false;
  }
}

}  // namespace alignment::fuzz
