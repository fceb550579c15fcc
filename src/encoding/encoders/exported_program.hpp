#pragma once

// Includes LibTorch: only files of dejavid_encoder_networks include it.
#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <string>

namespace alignment::encoding {

/// An exported network, of one input and one output.
class ExportedProgram {
 public:
  virtual ~ExportedProgram() = default;
  ExportedProgram() = default;
  ExportedProgram(const ExportedProgram&) = delete;
  ExportedProgram& operator=(const ExportedProgram&) = delete;

  /// May be called by several threads at once, and gives each the same bits.
  [[nodiscard]] virtual at::Tensor run(const at::Tensor& numbers) = 0;
  /// A digest of what the network holds: parameters, buffers and other attributes; empty where the format does not say.
  /// Not while run() is under way.
  [[nodiscard]] virtual std::string state() const = 0;
  /// Weights and other floating numbers become of this type. Not while run() is under way. Throws EncoderError where
  /// the format cannot.
  virtual void convert(torch::ScalarType type) = 0;
};

/// Loads TorchScript or a torch.export package: which of them is seen from the records of the archive. Throws
/// EncoderError for anything else, and for a package that the device cannot have.
[[nodiscard]] std::unique_ptr<ExportedProgram> load_exported_program(const std::filesystem::path& file,
                                                                     torch::Device device);

}  // namespace alignment::encoding
