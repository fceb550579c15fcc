#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace alignment::dist {

/// What this process waits for, beside other ranks.
enum class WaitsFor : std::uint8_t { kFileSystem, kGpu };

/// Ends the process, with one line and exit code 14, where what happens in its scope takes longer than `timeout`: a
/// file system or a GPU may never answer, and no other rank may be there to miss this one. One at a time for each of
/// WaitsFor. `work` is a literal, for the line; `find_detail`, where there is one, says what to put behind it. It is
/// called by another thread while this one hangs.
class Deadline {
 public:
  using FindDetail = std::string (*)();
  Deadline(WaitsFor waits_for, const char* work, std::chrono::duration<double> timeout,
           FindDetail find_detail = nullptr);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  WaitsFor waits_for_;
};

}  // namespace alignment::dist
