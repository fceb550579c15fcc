#include "src/encoding/encoders/motion.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "io/bytes/sha256.hpp"

namespace alignment::encoding {
namespace {

constexpr int kFrames = MotionEncoder::kFrames, kSize = MotionEncoder::kSize, kGrid = MotionEncoder::kGrid;
constexpr int kCells = kGrid * kGrid, kChannels = 3, kCellSize = kSize / kGrid;
constexpr int kTrendFrames = 4;      ///< at either end of a window
constexpr std::int64_t kNoise = 64;  ///< of a pixel: a slope of two levels, beneath which no direction is told
constexpr std::size_t kFramePixels = std::size_t{kSize} * kSize, kFrameBytes = kFramePixels * kChannels;

/// Sums of one cell over pixels, and over frames or pairs of successive frames.
struct CellSums {
  std::array<std::int64_t, kChannels> colour{}, first{}, last{};
  std::int64_t change = 0;           ///< |luma difference|
  std::int64_t along = 0, down = 0;  ///< difference in time times slope
  std::int64_t time_square = 0, along_square = 0, down_square = 0;
  std::int64_t sloped = 0;  ///< pixels of which slopes were taken
};

int cell_of(int y, int x) {
  return y / kCellSize * kGrid + x / kCellSize;
}

void add_colours(const std::uint8_t* frame, int t, std::array<CellSums, kCells>& sums) {
  for (int y = 0; y < kSize; ++y) {
    for (int column = 0; column < kGrid; ++column) {
      std::array<int, kChannels> of_line{};
      const std::uint8_t* pixel = frame + static_cast<std::ptrdiff_t>(y * kSize + column * kCellSize) * kChannels;
      for (int x = 0; x < kCellSize; ++x, pixel += kChannels) {
        for (std::size_t c = 0; c < kChannels; ++c) of_line[c] += pixel[c];
      }
      CellSums& cell = sums[static_cast<std::size_t>(cell_of(y, column * kCellSize))];
      for (std::size_t c = 0; c < kChannels; ++c) {
        cell.colour[c] += of_line[c];
        if (t < kTrendFrames) cell.first[c] += of_line[c];
        if (t >= kFrames - kTrendFrames) cell.last[c] += of_line[c];
      }
    }
  }
}

void find_luma(const std::uint8_t* frame, std::vector<std::int32_t>& luma) {
  for (std::size_t n = 0; n < kFramePixels; ++n) {
    const std::uint8_t* pixel = frame + n * kChannels;
    luma[n] = (77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2] + 128) >> 8;  // BT.601
  }
}

void add_motion(const std::vector<std::int32_t>& before, const std::vector<std::int32_t>& after,
                std::array<CellSums, kCells>& sums) {
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const std::size_t at = static_cast<std::size_t>(y) * kSize + static_cast<std::size_t>(x);
      CellSums& cell = sums[static_cast<std::size_t>(cell_of(y, x))];
      const std::int32_t difference = after[at] - before[at];
      cell.change += std::abs(difference);
      if (y == 0 || x == 0 || y == kSize - 1 || x == kSize - 1) continue;  // no slope without both neighbours
      // Slopes are central and of both frames: four times a slope a pixel, as is the difference in time.
      const std::int64_t along = before[at + 1] - before[at - 1] + after[at + 1] - after[at - 1];
      const std::int64_t down = before[at + kSize] - before[at - kSize] + after[at + kSize] - after[at - kSize];
      const std::int64_t time = 4 * difference;
      cell.along += time * along;
      cell.down += time * down;
      cell.time_square += time * time;
      cell.along_square += along * along;
      cell.down_square += down * down;
      ++cell.sloped;
    }
  }
}

// One division each of numbers that f64 holds exactly, so that nothing depends on how a compiler combines operations.
double share(std::int64_t part, std::int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

float signed_root(std::int64_t part, std::int64_t whole) {
  const double root = std::sqrt(share(std::abs(part), whole));
  return static_cast<float>(part < 0 ? -root : root);
}

void write_row(const std::array<CellSums, kCells>& sums, std::span<float> row) {
  constexpr std::int64_t kPixels = kCellSize * kCellSize, kLevels = 255;
  std::size_t at = 0;
  for (const CellSums& cell : sums) {
    constexpr std::int64_t kWhole = kPixels * kFrames * kLevels;
    for (const std::int64_t sum : cell.colour) row[at++] = static_cast<float>(share(2 * sum - kWhole, kWhole));
  }
  for (const CellSums& cell : sums) row[at++] = signed_root(cell.change, kPixels * (kFrames - 1) * kLevels);
  for (const CellSums& cell : sums) {
    for (std::size_t c = 0; c < kChannels; ++c) {
      row[at++] = signed_root(cell.last[c] - cell.first[c], kPixels * kTrendFrames * kLevels);
    }
  }
  for (const CellSums& cell : sums) {
    const std::int64_t noise = kNoise * cell.sloped;
    row[at++] = static_cast<float>(share(-2 * cell.along, cell.time_square + cell.along_square + noise));
    row[at++] = static_cast<float>(share(-2 * cell.down, cell.time_square + cell.down_square + noise));
  }
}

}  // namespace

MotionEncoder::MotionEncoder() {
  description_.name = "motion";
  description_.kind = EncoderKind::kClip;
  description_.frames = kFrames;
  description_.size = kSize;
  description_.resize = Resize::kAntialias;
  description_.features = kFeatures;
  io::Sha256 sha256;
  sha256.add(fmt::format("motion 1: {} frames of {}, {} features", kFrames, kSize, kFeatures));
  description_.digest = sha256.hex();
}

void MotionEncoder::encode(std::span<const std::uint8_t> frames, std::int64_t batch, std::span<float> rows) const {
  std::vector<std::int32_t> before(kFramePixels), after(kFramePixels);
  for (std::size_t n = 0; n < static_cast<std::size_t>(batch); ++n) {
    std::array<CellSums, kCells> sums{};
    const std::uint8_t* window = frames.data() + n * kFrames * kFrameBytes;
    for (int t = 0; t < kFrames; ++t) {
      const std::uint8_t* frame = window + static_cast<std::size_t>(t) * kFrameBytes;
      add_colours(frame, t, sums);
      find_luma(frame, after);
      if (t > 0) add_motion(before, after, sums);
      before.swap(after);
    }
    write_row(sums, rows.subspan(n * kFeatures, kFeatures));
  }
}

}  // namespace alignment::encoding
