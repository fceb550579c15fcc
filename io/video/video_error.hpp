#pragma once

#include <stdexcept>

namespace alignment::io {

/// A video that cannot be used, or only in part. The message is one line without the file's name:
/// `found; expected; what to do`, as who reads it knows which video it asked for.
struct VideoError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A video that this host cannot open or read, or has no memory for: which says nothing of the video itself.
struct UnreadableVideo : VideoError {
  using VideoError::VideoError;
};

}  // namespace alignment::io
