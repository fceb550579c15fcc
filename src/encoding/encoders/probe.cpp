#include "src/encoding/encoders/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/errors.hpp"
#include "io/formats/python/npy_file.hpp"

namespace alignment::encoding {
namespace {

/// Columns [begin, end) of a probe that are of one part of a row, and the largest |value| among them.
struct Part {
  std::size_t begin = 0, end = 0;
  double largest = 0;
};

Part part_of(const Probe& probe, std::int64_t first_column, std::int64_t last_column) {
  const auto begin = std::lower_bound(probe.columns.begin(), probe.columns.end(), first_column);
  const auto end = std::lower_bound(probe.columns.begin(), probe.columns.end(), last_column);
  Part part{.begin = static_cast<std::size_t>(begin - probe.columns.begin()),
            .end = static_cast<std::size_t>(end - probe.columns.begin())};
  for (std::size_t row = 0; row < Probe::kInputs; ++row) {
    for (std::size_t n = part.begin; n < part.end; ++n) {
      part.largest =
          std::max(part.largest, std::abs(static_cast<double>(probe.values[row * probe.columns.size() + n])));
    }
  }
  return part;
}

void check_row(const Encoder& encoder, const Probe& probe, std::size_t input, std::span<const float> row,
               std::int64_t batch, double tolerance) {
  const EncoderDescription& description = encoder.description();
  const std::int64_t width = description.features + description.logits;
  for (const Part& part : {part_of(probe, 0, description.features), part_of(probe, description.features, width)}) {
    for (std::size_t n = part.begin; n < part.end; ++n) {
      const double expected = probe.values[input * probe.columns.size() + n];
      const double found = row[static_cast<std::size_t>(probe.columns[n])];
      if (std::abs(found - expected) <= tolerance * part.largest) continue;  // not so of NaN
      throw EncoderError(fmt::format(
          "{}: found {} in column {} of input {} at batch {}; expected {}, at most {:.2g} of the largest, {}, from it; "
          "this encoder does not compute what it did when it was exported: export it in another format, or use f32",
          probe.where, found, probe.columns[n], input, batch, expected, tolerance, part.largest));
    }
  }
}

}  // namespace

std::vector<std::uint8_t> probe_frames(int frames, int size) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(Probe::kInputs) * static_cast<std::size_t>(frames) *
                 static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3);
  for (int n = 0; n < Probe::kInputs; ++n) {
    for (int t = 0; t < frames; ++t) {
      for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
          const int of_pixel = t * (11 + 2 * n) + 17 * ((x / 8) ^ (y / 8)) + 53 * n;
          for (int c = 0; c < 3; ++c) {
            pixels.push_back(static_cast<std::uint8_t>((x * (3 + c) + y * (5 - c) + of_pixel) % 256));
          }
        }
      }
    }
  }
  return pixels;
}

Probe read_probe(const std::filesystem::path& file, const EncoderDescription& description) {
  const std::int64_t width = description.features + description.logits;
  io::FeatureMatrix matrix;
  try {
    matrix = io::read_npy(file);
  } catch (const io::StoreError& error) {
    throw EncoderError(error.what());
  } catch (const io::NotFiniteError& error) {
    throw EncoderError(error.what());
  }
  if (matrix.steps != Probe::kInputs || matrix.feature_dim != width) {
    throw EncoderError(fmt::format(
        "{}: found values of shape ({}, {}); expected ({}, {}), the features and logits of both inputs of the probe; "
        "export the encoder again",
        file.string(), matrix.steps, matrix.feature_dim, Probe::kInputs, width));
  }
  const bool finite =
      std::all_of(matrix.values.begin(), matrix.values.end(), [](float value) { return std::isfinite(value); });
  if (!finite) {
    throw EncoderError(
        fmt::format("{}: found a value that is not finite; expected what the encoder gave when it was "
                    "exported; export it again",
                    file.string()));
  }
  Probe probe{.where = file.string(), .columns = {}, .values = std::move(matrix.values)};
  probe.columns.resize(static_cast<std::size_t>(width));
  std::iota(probe.columns.begin(), probe.columns.end(), std::int64_t{0});
  return probe;
}

double probe_tolerance(EncoderPrecision precision) {
  constexpr double kRoundings = 16;
  switch (precision) {
    case EncoderPrecision::kFloat32:
      return 1e-4;
    case EncoderPrecision::kFloat16:
      return kRoundings * 0x1p-11;
    case EncoderPrecision::kBfloat16:
      break;
  }
  return kRoundings * 0x1p-8;
}

void check_probe(const Encoder& encoder, const Probe& probe, EncoderPrecision precision) {
  const EncoderDescription& description = encoder.description();
  const std::vector<std::uint8_t> frames = probe_frames(description.frames, description.size);
  const std::size_t input_bytes = frames.size() / Probe::kInputs;
  const auto width = static_cast<std::size_t>(description.features + description.logits);
  const double tolerance = probe_tolerance(precision);
  std::vector<float> rows(Probe::kInputs * width);
  const auto row = [&](std::size_t input) { return std::span<const float>(rows).subspan(input * width, width); };
  for (std::size_t input = 0; input < Probe::kInputs; ++input) {
    encoder.encode(std::span(frames).subspan(input * input_bytes, input_bytes), 1,
                   std::span(rows).subspan(input * width, width));
    check_row(encoder, probe, input, row(input), 1, tolerance);
  }
  std::fill(rows.begin(), rows.end(), 0.0F);
  encoder.encode(frames, Probe::kInputs, rows);
  for (std::size_t input = 0; input < Probe::kInputs; ++input) {
    check_row(encoder, probe, input, row(input), Probe::kInputs, tolerance);
  }
}

}  // namespace alignment::encoding
