#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace alignment::encoding {

/// A TorchScript archive that is made here, with its JSON and probe: colour of each frame, then how much successive
/// frames differ, which are called logits. Any part can be another.
struct ExportedFiles {
  static constexpr int kFrames = 4, kSize = 16;
  static constexpr std::size_t kFeatures = 12, kLogits = 3, kWidth = kFeatures + kLogits;

  /// The body of `forward(self, x)`, x of [N, 3, kFrames, kSize, kSize] in 0 to 1, `self.gain` one number that is 1 and
  /// `self.order` the indices of the frames.
  std::string program = default_program();
  std::string json = default_json("SHA256");  ///< `SHA256` becomes that of the archive
  std::vector<float> probe = expected_probe();
  std::vector<std::int64_t> probe_shape{2, kWidth};

  /// Writes NAME.pt, NAME.json and NAME.probe.npy; returns the first.
  std::filesystem::path write(const std::filesystem::path& folder, const std::string& name = "tiny") const;

  static std::string default_program();
  static std::string default_json(const std::string& sha256);
  /// What the program gives for kFrames prepared frames, by another way.
  static std::vector<float> expected_row(std::span<const std::uint8_t> frames);
  static std::vector<float> expected_probe();
};

/// `text` with the first `from` as `to`; a test failure where there is none.
std::string replaced(std::string text, const std::string& from, const std::string& to);

/// A zip archive of empty records, stored as they are.
std::string zip_of(const std::vector<std::string>& names);

/// What numpy.save writes of an array of two axes.
std::string npy_of(const std::vector<float>& values, const std::vector<std::int64_t>& shape);

/// What torch.save writes of a tensor.
std::string saved_tensor();

}  // namespace alignment::encoding
