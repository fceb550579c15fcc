#include "src/encoding/encoders/exported_program.hpp"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/nativert/ModelRunnerHandle.h>

#include <algorithm>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/bytes/content_kind.hpp"
#include "io/bytes/sha256.hpp"
#include "io/errors.hpp"
#include "io/formats/file_reader.hpp"
#include "io/formats/python/zip_archive.hpp"
#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/encoders/torch_encoder.hpp"
#include "src/encoding/encoders/traced_network.hpp"

namespace alignment::encoding {
namespace {

constexpr const char* kExpected =
    "expected a TorchScript archive or a torch.export package; export the network with launch/export_encoder.py";

enum class Format : std::uint8_t { kTorchScript, kExportedProgram };

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& found) {
  throw EncoderError(file.string() + ": found " + found + "; " + kExpected);
}

/// What a file that is no zip archive is, by how it begins.
std::string name_of(std::string_view beginning) {
  const io::Content content = io::content_of(beginning);
  if (content.kind == io::ContentKind::kLegacyTorch) return "weights alone, in the format of torch.save before 1.6";
  const bool known = content.kind != io::ContentKind::kOther && content.kind != io::ContentKind::kText &&
                     content.kind != io::ContentKind::kSeries;
  return known ? std::string(content.name) : "no zip archive";
}

Format format_of(const std::filesystem::path& file) {
  try {
    const io::FileReader reader(file);
    std::string beginning(std::min<std::uint64_t>(io::kTellingBytes, reader.size()), '\0');
    reader.read(0, beginning);
    if (!beginning.starts_with("PK\x03\x04")) refuse(file, name_of(beginning));
    const io::ZipArchive archive(reader);
    const auto has = [&](std::string_view beginning_of_name) {
      return std::any_of(archive.records().begin(), archive.records().end(), [&](const auto& record) {
        const std::string_view name = record.first;
        return name.starts_with(archive.folder()) &&
               name.substr(archive.folder().size()).starts_with(beginning_of_name);
      });
    };
    if (has("data/aotinductor")) {
      refuse(file,
             "an AOTInductor package, which is machine code for the processor and device it was made on, and would run "
             "whatever it holds");
    }
    if (has("models/model.json")) return Format::kExportedProgram;
    if (has("code/") && has("constants.pkl")) return Format::kTorchScript;
    if (has("data.pkl")) refuse(file, "weights alone, without the network, as torch.save writes them");
    refuse(file, "a zip archive of something else");
  } catch (const io::StoreError& error) {
    throw EncoderError(error.what());
  }
}

class TorchScript : public ExportedProgram {
 public:
  TorchScript(const std::filesystem::path& file, torch::Device device)
      : module_(torch::jit::load(file.string(), device)) {
    module_.eval();
    make_convolutions_plain(module_);
    set_device_of_constants(module_, device);
  }

  at::Tensor run(const at::Tensor& numbers) override {
    const c10::InferenceMode inference;
    // Optimised, the first calls are profiled and what the later ones run is another program, with other bits perhaps.
    const torch::jit::GraphOptimizerEnabledGuard plain(false);
    const c10::IValue output = module_.forward({numbers});
    if (!output.isTensor()) throw std::runtime_error("its output is no tensor but " + output.tagKind());
    return output.toTensor();
  }

  [[nodiscard]] std::string state() const override {
    io::Sha256 digest;
    for (const auto& attribute : module_.named_attributes()) {
      std::ostringstream text;
      text << attribute.name << '\n';
      if (attribute.value.isTensor()) {
        const at::Tensor array = attribute.value.toTensor().to(torch::kCPU).contiguous();
        text << array.sizes() << ' ' << array.scalar_type() << '\n';
        if (array.numel() > 0) {
          text << std::string_view(static_cast<const char*>(array.const_data_ptr()), array.nbytes());
        }
      } else if (!attribute.value.isObject()) {
        text << attribute.value << '\n';
      }
      digest.add(text.str());
    }
    return digest.hex();
  }

  void convert(torch::ScalarType type) override {
    // Module::to() would also round tables of indices.
    const auto change = [type](const at::Tensor& array) {
      if (array.is_floating_point()) array.set_data(array.to(type));
    };
    module_ = module_.clone();  // what has run keeps the program that it ran
    set_type_of_constants(module_, type);
    for (const at::Tensor& array : module_.parameters()) change(array);
    for (const at::Tensor& array : module_.buffers()) change(array);
  }

 private:
  torch::jit::Module module_;
};

/// A torch.export package, run by LibTorch's native runtime, of which nobody promises that two threads may use it: each
/// that comes while others are inside loads it once more.
class NativeRuntime : public ExportedProgram {
 public:
  explicit NativeRuntime(std::filesystem::path file)
      : file_(std::move(file)), written_(std::filesystem::last_write_time(file_)) {
    idle_.push_back(load());
  }

  at::Tensor run(const at::Tensor& numbers) override {
    // The runtime turns gradients off by itself; around it, guards that do so change what some networks give.
    Handle handle = take();
    const c10::IValue output = handle->run({numbers}, {});
    give_back(std::move(handle));
    if (output.isTensor()) return output.toTensor();
    if (output.isTuple() && output.toTupleRef().elements().size() == 1) {
      return output.toTupleRef().elements()[0].toTensor();
    }
    throw std::runtime_error("its output is no tensor but " + output.tagKind());
  }

  [[nodiscard]] std::string state() const override { return {}; }

  void convert(torch::ScalarType) override {
    throw EncoderError(file_.string() +
                       ": found a torch.export package; expected TorchScript where the precision is not f32; use "
                       "--precision f32, or export it with --format torchscript");
  }

 private:
  using Handle = std::unique_ptr<torch::nativert::ModelRunnerHandle>;

  [[nodiscard]] Handle load() const {
    if (std::filesystem::last_write_time(file_) != written_) {
      throw EncoderError(file_.string() +
                         ": found the file changed since it was first loaded; expected it as it was; leave it alone "
                         "while it is used, and begin again");
    }
    return std::make_unique<torch::nativert::ModelRunnerHandle>(file_.string(), "model");
  }
  Handle take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Handle handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
      }
    }
    return load();
  }
  void give_back(Handle handle) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(handle));
  }

  std::filesystem::path file_;
  std::filesystem::file_time_type written_;
  std::mutex mutex_;
  std::vector<Handle> idle_;
};

}  // namespace

std::unique_ptr<ExportedProgram> load_exported_program(const std::filesystem::path& file, torch::Device device) {
  const Format format = format_of(file);
  if (format == Format::kExportedProgram && !device.is_cpu()) {
    throw EncoderError(file.string() +
                       ": found a torch.export package, which LibTorch runs on the CPU, and a GPU; expected the CPU or "
                       "TorchScript; encode with --device cpu, or export it with --format torchscript");
  }
  try {
    if (format == Format::kTorchScript) return std::make_unique<TorchScript>(file, device);
    return std::make_unique<NativeRuntime>(file);
  } catch (const std::runtime_error& error) {
    throw EncoderError(file.string() + ": found that LibTorch cannot load it: " + first_line(error) + "; " + kExpected);
  } catch (const c10::Error& error) {
    throw EncoderError(file.string() + ": found that LibTorch cannot load it: " + first_line(error) + "; " + kExpected);
  }
}

}  // namespace alignment::encoding
