#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/errors.hpp"
#include "src/encoding/frames/frame_preparation.hpp"

namespace alignment::encoding {

/// What an encoder takes.
enum class EncoderKind : std::uint8_t {
  kClip,   ///< a window of frames: [frames, size, size, 3]
  kFrame,  ///< one frame; a window's output is the mean of its frames'
};

/// What an encoder says of itself.
struct EncoderDescription {
  std::string name;    ///< for people and for a store's `encoder` attribute
  std::string digest;  ///< of all that its output depends on: program's formula or weights, and how frames are prepared
  EncoderKind kind = EncoderKind::kClip;
  int frames = 16;  ///< of a window, that a clip encoder takes; 1 for a frame encoder
  int size = 224;   ///< pixels of a side of its frames
  Resize resize = Resize::kAntialias;
  std::int64_t features = 0;              ///< F of an output row
  std::int64_t logits = 0;                ///< class scores behind the features of an output row, 0: none
  std::vector<std::string> classes = {};  ///< names of the logits, or empty where the encoder does not say
};

/// Turns prepared frames into features (and logits). encode() may be called by several threads at once.
///
/// A video's rows must not depend on what else is encoded or by how many threads: the same input in the same batch
/// gives the same bits, and batches are made of one video's windows alone.
class Encoder {
 public:
  virtual ~Encoder() = default;
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  [[nodiscard]] virtual const EncoderDescription& description() const = 0;

  /// frames: `batch` inputs, each [frames, size, size, 3] of 8-bit RGB (frames = 1 for a frame encoder); rows:
  /// [batch, features + logits], in which numbers that are not finite stand as they are. Throws EncoderError.
  virtual void encode(std::span<const std::uint8_t> frames, std::int64_t batch, std::span<float> rows) const = 0;
};

/// An encoder that cannot be used: its file, its JSON or what it computes. One line:
/// `file: found; expected; what to do`.
struct EncoderError : io::ModelFileError {
  using io::ModelFileError::ModelFileError;
};

enum class EncoderPrecision : std::uint8_t { kFloat32, kFloat16, kBfloat16 };

/// Where and how an encoder computes.
struct EncoderPlace {
  std::optional<int> gpu;  ///< index of a visible GPU; none: the CPU, each calling thread by itself
  EncoderPrecision precision = EncoderPrecision::kFloat32;
  /// How long a batch may take on a GPU: then the process ends with 14.
  std::chrono::duration<double> timeout = std::chrono::minutes(10);
};

/// `name`: `efficientnet-lite0`, `motion`, or a file: a TorchScript archive or a torch.export package with its JSON
/// beside it. The encoder's probe is run, so that what comes back computes what it should. Throws EncoderError.
[[nodiscard]] std::unique_ptr<Encoder> make_encoder(const std::string& name, const EncoderPlace& place);

/// What the encoder of that name says of itself, without loading it: of an exported one, what its JSON says. Throws
/// EncoderError.
[[nodiscard]] EncoderDescription describe_encoder(const std::string& name);

}  // namespace alignment::encoding
