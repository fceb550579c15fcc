#include "src/encoding/frames/frame_preparation.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/video/video_error.hpp"
#include "src/encoding/frames/bilinear.hpp"

namespace alignment::encoding {
namespace {

constexpr std::int64_t kMostOblong = 100;  ///< long side to short; more would fill memory with what the cut drops

/// How much of a side that is cut to the encoder's lies before it: half of what is too much, halves to even.
std::int64_t cut_before(std::int64_t side, std::int64_t size) {
  const std::int64_t half = (side - size) / 2;
  return half + ((side - size) % 2 == 1 && half % 2 == 1 ? 1 : 0);
}

/// The square of the scaled picture that is the middle of the upright one, whose sides are counted from another end
/// where it is turned.
Cutout middle(std::int64_t width, std::int64_t height, int rotation, std::int64_t size) {
  const std::int64_t x = cut_before(width, size), y = cut_before(height, size);
  const bool from_right = rotation == 180 || rotation == 270;
  const bool from_bottom = rotation == 90 || rotation == 180;
  return {from_right ? width - size - x : x, from_bottom ? height - size - y : y, size, size};
}

/// `square`: rows of `stride` bytes. to: the same turned clockwise, [size, size, 3].
void turn(const std::uint8_t* square, std::int64_t stride, int rotation, std::int64_t size, std::uint8_t* to) {
  const std::int64_t last_row = (size - 1) * stride, last_column = 3 * (size - 1);
  std::int64_t first = 0, row = stride, column = 3;  // bytes to the result's first pixel, next row and next column
  if (rotation == 90) first = last_row, row = 3, column = -stride;
  if (rotation == 180) first = last_row + last_column, row = -stride, column = -3;
  if (rotation == 270) first = last_column, row = -3, column = stride;
  for (std::int64_t y = 0; y < size; ++y) {
    const std::uint8_t* pixel = square + first + y * row;
    if (column == 3) {
      to = std::copy_n(pixel, 3 * size, to);
      continue;
    }
    for (std::int64_t x = 0; x < size; ++x, pixel += column) to = std::copy_n(pixel, 3, to);
  }
}

/// [height, width, 3] of 8 bits, channels last. `image` must outlive what comes back where the size stays.
at::Tensor resize_antialias(const io::RgbImage& image, std::int64_t width, std::int64_t height) {
  // ATen only reads it; there is no way to say so.
  auto* const pixels = const_cast<std::uint8_t*>(image.pixels.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  const std::int64_t row = 3 * std::int64_t{image.width};
  at::Tensor picture = at::from_blob(pixels, {1, 3, image.height, image.width}, {row * image.height, 1, row, 3},
                                     at::TensorOptions(at::kByte));
  if (width == image.width && height == image.height) return picture;
  const std::array<std::int64_t, 2> target{height, width};
  return at::_upsample_bilinear2d_aa(picture, target, false).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

struct FramePreparation::State {
  std::int64_t size;
  Resize resize;
  std::vector<std::uint8_t> square;
};

FramePreparation::FramePreparation(int size, Resize resize) : state_(std::make_unique<State>(State{size, resize, {}})) {
  if (size < 1) throw std::invalid_argument("frames of " + std::to_string(size) + " pixels a side");
}

FramePreparation::~FramePreparation() = default;

void FramePreparation::prepare(const io::RgbImage& image, int rotation, std::span<std::uint8_t> prepared) const {
  const std::int64_t size = state_->size, width = image.width, height = image.height;
  const std::int64_t shorter = std::min(width, height), longer = std::max(width, height);
  if (shorter < 1 || image.pixels.size() != static_cast<std::size_t>(3 * width * height) ||
      prepared.size() != static_cast<std::size_t>(3 * size * size)) {
    throw std::invalid_argument("pixels that do not fit their sizes");
  }
  if (rotation != 0 && rotation != 90 && rotation != 180 && rotation != 270) {
    throw std::invalid_argument("a turn by " + std::to_string(rotation) + " degrees");
  }
  if (longer > kMostOblong * shorter) {
    throw io::VideoError("found frames of " + std::to_string(width) + " x " + std::to_string(height) +
                         "; expected a longer side of at most " + std::to_string(kMostOblong) +
                         " times the shorter; cut the video to what is to be seen");
  }
  const std::int64_t scaled_longer = size * longer / shorter;
  const std::int64_t scaled_width = width < height ? size : scaled_longer;
  const std::int64_t scaled_height = width < height ? scaled_longer : size;
  const Cutout square = middle(scaled_width, scaled_height, rotation, size);

  if (state_->resize == Resize::kBilinear) {
    if (rotation == 0) return resize_bilinear(image, scaled_width, scaled_height, square, prepared);
    state_->square.resize(prepared.size());
    resize_bilinear(image, scaled_width, scaled_height, square, state_->square);
    return turn(state_->square.data(), 3 * size, rotation, size, prepared.data());
  }
  const c10::InferenceMode no_gradient;
  const at::Tensor scaled = resize_antialias(image, scaled_width, scaled_height);
  const std::uint8_t* const pixels = scaled.const_data_ptr<std::uint8_t>();
  turn(pixels + 3 * (square.y * scaled_width + square.x), 3 * scaled_width, rotation, size, prepared.data());
}

}  // namespace alignment::encoding
