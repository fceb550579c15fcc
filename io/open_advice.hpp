#pragma once

#include <cerrno>
#include <string_view>

namespace alignment::io {

/// What to do about a file that could not be opened because of `error` (of errno): `usual`, but where files ran out.
inline std::string_view open_advice(int error, std::string_view usual) {
  return error == EMFILE || error == ENFILE ? "raise the limit on open files (ulimit -n)" : usual;
}

}  // namespace alignment::io
