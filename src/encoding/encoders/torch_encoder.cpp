#include "src/encoding/encoders/torch_encoder.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "dist/watch/watchdog.hpp"

namespace alignment::encoding {
namespace {

/// LibTorch keeps the number of its threads for each thread that calls it: who calls shares the work out already.
void compute_alone() {
  thread_local bool alone = false;
  if (!alone) at::set_num_threads(1);
  alone = true;
}

std::string shape_text(const at::Tensor& tensor) {
  std::string text = "(";
  for (const std::int64_t extent : tensor.sizes()) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + ")";
}

}  // namespace

std::string first_line(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  // TorchScript's own errors put their reason last, below the lines of the program that led there.
  constexpr std::string_view kReason = "RuntimeError: ";
  if (const auto reason = text.rfind(kReason); reason != std::string::npos) text.erase(0, reason + kReason.size());
  text.erase(0, std::min(text.find_first_not_of(" \n"), text.size()));
  return text.substr(0, text.find('\n'));
}

EncoderError not_moved(const std::string& where, const std::exception& error) {
  return EncoderError(where + ": found that LibTorch cannot have it where it is to compute: " + first_line(error) +
                      "; expected a GPU with room for it, or the CPU; choose another device");
}

TorchEncoder::TorchEncoder(EncoderDescription description, FrameNumbers numbers, std::string where,
                           const EncoderPlace& place)
    : description_(std::move(description)),
      numbers_(std::move(numbers)),
      where_(std::move(where)),
      device_(place.gpu ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(*place.gpu))
                        : torch::Device(torch::kCPU)),
      timeout_(place.timeout) {
  if (device_.is_cuda()) {
    if (!at::hasCUDA()) {
      throw EncoderError(where_ +
                         ": found no GPU that LibTorch can use; expected one; encode on the CPU, or build with "
                         "launch/build.sh cuda on a machine with a GPU");
    }
    // What f32 says is what is computed: else convolutions have 10 bits of a fraction.
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
    // Which of cuDNN's algorithms is taken must not depend on what was timed, nor may the bits on the order of atomics.
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
  }
}

void TorchEncoder::set_precision(EncoderPrecision precision) {
  if (precision == EncoderPrecision::kFloat32) return;
  type_ = precision == EncoderPrecision::kFloat16 ? torch::kFloat16 : torch::kBFloat16;
  description_.digest += precision == EncoderPrecision::kFloat16 ? "-f16" : "-bf16";
}

void TorchEncoder::encode(std::span<const std::uint8_t> frames, std::int64_t batch, std::span<float> rows) const {
  compute_alone();
  at::Tensor input = torch::empty(numbers_.shape(batch, description_.frames, description_.size), torch::kFloat32);
  numbers_.fill(frames, batch, description_.frames, description_.size,
                {input.data_ptr<float>(), static_cast<std::size_t>(input.numel())});
  at::Tensor output;
  try {
    std::optional<std::lock_guard<std::mutex>> alone;
    std::optional<dist::Deadline> deadline;
    if (device_.is_cuda()) {
      alone.emplace(gpu_);
      deadline.emplace(dist::Awaited::kGpu, "a batch on the GPU", timeout_);
    }
    output = run(input.to(device_, type_)).to(torch::kCPU, torch::kFloat32).contiguous();
  } catch (const c10::Error& error) {
    throw EncoderError(
        where_ + ": found that LibTorch cannot compute it: " + first_line(error) +
        "; expected rows; export it again in the other format, or use fewer windows at once where memory is short");
  } catch (const std::runtime_error& error) {
    if (dynamic_cast<const EncoderError*>(&error) != nullptr) throw;
    throw EncoderError(where_ + ": found that LibTorch cannot compute it: " + first_line(error) +
                       "; expected rows; export it again in the other format");
  }
  const std::int64_t width = description_.features + description_.logits;
  if (output.dim() != 2 || output.size(0) != batch || output.size(1) != width) {
    throw EncoderError(where_ + ": found rows of shape " + shape_text(output) + "; expected (" + std::to_string(batch) +
                       ", " + std::to_string(width) +
                       "), the features and logits of each input; correct its JSON, or export it again");
  }
  std::memcpy(rows.data(), output.data_ptr<float>(), static_cast<std::size_t>(output.numel()) * sizeof(float));
}

}  // namespace alignment::encoding
