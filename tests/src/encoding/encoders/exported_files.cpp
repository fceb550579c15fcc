#include "tests/src/encoding/encoders/exported_files.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <cmath>
#include <cstring>

#include "io/bytes/sha256.hpp"
#include "src/encoding/encoders/probe.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::encoding {
namespace {

std::string little(std::uint64_t number, int bytes) {
  std::string text;
  for (int n = 0; n < bytes; ++n) text += static_cast<char>(number >> (8 * n) & 0xFFU);
  return text;
}

}  // namespace

std::string ExportedFiles::default_program() {
  return "  x = x.index_select(2, self.order) * self.gain\n"
         "  colours = x.mean([3, 4]).transpose(1, 2).flatten(1)\n"
         "  changes = (x[:, :, 1:] - x[:, :, :-1]).abs().mean([1, 3, 4])\n"
         "  return torch.cat([colours, changes], 1)\n";
}

std::string ExportedFiles::default_json(const std::string& sha256) {
  return R"({"frames": 4, "size": 16, "layout": "NCTHW", "scale": "0-1", "mean": [0, 0, 0], "std": [1, 1, 1],)"
         R"( "resize": "bilinear", "features": 12, "logits": 3, "kind": "clip", "sha256": ")" +
         sha256 + R"(", "probe": "tiny.probe.npy", "classes": ["open", "close", "none"]})";
}

std::vector<float> ExportedFiles::expected_row(std::span<const std::uint8_t> frames) {
  std::vector<double> row(kWidth, 0.0);
  constexpr std::size_t kPixels = std::size_t{kSize} * kSize, kFrameBytes = kPixels * 3;
  for (std::size_t t = 0; t < kFrames; ++t) {
    for (std::size_t n = 0; n < kFrameBytes; ++n) {
      const double level = frames[t * kFrameBytes + n] / 255.0;
      row[3 * t + n % 3] += level / kPixels;
      if (t > 0) row[kFeatures + t - 1] += std::abs(level - frames[(t - 1) * kFrameBytes + n] / 255.0) / kFrameBytes;
    }
  }
  return {row.begin(), row.end()};
}

std::vector<float> ExportedFiles::expected_probe() {
  const std::vector<std::uint8_t> frames = probe_frames(kFrames, kSize);
  std::vector<float> rows;
  for (std::size_t n = 0; n < 2; ++n) {
    const std::vector<float> row = expected_row(std::span(frames).subspan(n * frames.size() / 2, frames.size() / 2));
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

std::filesystem::path ExportedFiles::write(const std::filesystem::path& folder, const std::string& name) const {
  torch::jit::Module module("tiny");
  module.register_parameter("gain", at::ones({1}), false);
  module.register_buffer("order", at::arange(kFrames, at::kLong));
  module.define("def forward(self, x: Tensor) -> Tensor:\n" + program);
  const std::filesystem::path file = folder / (name + ".pt");
  module.save(file.string());
  std::string text = json;
  if (text.find("SHA256") != std::string::npos) text = replaced(text, "SHA256", io::sha256_of_file(file));
  write_file(folder / (name + ".json"), text);
  write_file(folder / (name + ".probe.npy"), npy_of(probe, probe_shape));
  return file;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string zip_of(const std::vector<std::string>& names) {
  std::string file, directory;
  for (const std::string& name : names) {
    // Version 2.0, no flags, stored, and no time, checksum or bytes; then the lengths of the name and of what follows.
    const std::string common =
        little(20, 2) + std::string(4 + 4 + 4 + 4 + 4, '\0') + little(name.size(), 2) + little(0, 2);
    directory +=
        "PK\x01\x02" + little(20, 2) + common + std::string(2 + 2 + 2 + 4, '\0') + little(file.size(), 4) + name;
    file += "PK\x03\x04" + common + name;
  }
  const std::string count = little(names.size(), 2);
  const std::string end = std::string("PK\x05\x06") + little(0, 4) + count + count + little(directory.size(), 4) +
                          little(file.size(), 4) + little(0, 2);
  return file + directory + end;
}

std::string npy_of(const std::vector<float>& values, const std::vector<std::int64_t>& shape) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(shape[0]) + ", " +
                       std::to_string(shape[1]) + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string data(values.size() * sizeof(float), '\0');
  std::memcpy(data.data(), values.data(), data.size());
  return std::string("\x93NUMPY\x01\0", 8) + little(header.size(), 2) + header + data;
}

std::string saved_tensor() {
  const auto bytes = torch::jit::pickle_save(at::ones({2, 3}));
  return {bytes.begin(), bytes.end()};
}

}  // namespace alignment::encoding
