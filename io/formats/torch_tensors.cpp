// The only file that knows LibTorch's headers, which carry an fmt of their own: so no fmt here, and nothing that
// includes it.

#include "io/formats/torch_tensors.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <cmath>
#include <cstring>
#include <string_view>

#include "io/errors.hpp"
#include "io/formats/whole_file.hpp"

namespace dejavid::io {
namespace {

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

/// Strides and offset come from the file: what they reach must lie within the storage before anything is read through
/// them.
void check_bounds(const std::string& where, const at::Tensor& tensor) {
  const auto available =
      static_cast<std::int64_t>(tensor.storage().nbytes() / static_cast<std::size_t>(tensor.element_size()));
  std::int64_t last = tensor.storage_offset();
  bool fits = last >= 0 && last < available;
  for (std::int64_t axis = 0; fits && axis < tensor.dim(); ++axis) {
    const std::int64_t room = available - 1 - last, stride = tensor.stride(axis), further = tensor.size(axis) - 1;
    fits = stride >= 0 && (stride == 0 || further <= room / stride);
    last += fits ? stride * further : 0;
  }
  if (!fits) {
    throw StoreError(where + ": found a tensor that reaches beyond its storage; expected a whole file; save it anew");
  }
}

FeatureMatrix to_matrix(const std::string& where, const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.layout() != at::kStrided || !tensor.device().is_cpu() ||
      !tensor.is_floating_point() || tensor.dim() != 2 || tensor.numel() == 0) {
    std::string found = "no tensor";
    if (tensor.defined()) {
      found = "a tensor of " + std::string(at::toString(tensor.scalar_type())) + ", shape (";
      for (std::int64_t axis = 0; axis < tensor.dim(); ++axis) {
        found += (axis == 0 ? "" : ", ") + std::to_string(tensor.size(axis));
      }
      found += ")";
    }
    throw StoreError(where + ": found " + found +
                     "; expected a 2-D floating tensor [T, F] on the CPU; save tensor.float().reshape(T, F).cpu()");
  }
  check_bounds(where, tensor);
  const at::Tensor single = tensor.to(at::kFloat).contiguous();
  if (tensor.scalar_type() == at::kDouble) {
    if (at::logical_and(at::isinf(single), at::isfinite(tensor)).any().item<bool>()) {
      throw NotFiniteError(where +
                           ": found an f64 that does not fit f32; expected smaller numbers; scale the features");
    }
  }
  FeatureMatrix matrix{.steps = single.size(0), .feature_dim = single.size(1), .values = {}};
  matrix.values.assign(single.const_data_ptr<float>(), single.const_data_ptr<float>() + single.numel());
  return matrix;
}

}  // namespace

TensorFile read_tensor_file(const std::filesystem::path& file) {
  const std::string name = file.string();
  const std::vector<char> bytes = read_whole_file(file);
  if (bytes.size() < 4 || std::memcmp(bytes.data(), "PK\x03\x04", 4) != 0) {
    throw StoreError(
        name +
        ": found no zip archive; expected what torch.save writes since torch 1.6; load it and torch.save it again");
  }
  at::IValue value;
  try {
    value = torch::jit::pickle_load(bytes);
  } catch (const c10::Error& error) {
    throw StoreError(
        name + ": LibTorch says: " + first_line(error.what_without_backtrace()) +
        "; expected a tensor or a plain dict of tensors on the CPU; load it in Python and torch.save that");
  } catch (const std::exception& error) {
    throw StoreError(
        name + ": LibTorch says: " + first_line(error.what()) +
        "; expected a tensor or a plain dict of tensors on the CPU; load it in Python and torch.save that");
  }
  const at::NoGradGuard no_gradient;
  TensorFile result;
  if (value.isTensor()) {
    result.tensor = to_matrix(name, value.toTensor());
    return result;
  }
  if (!value.isGenericDict()) {
    throw StoreError(name + ": found " + value.tagKind() +
                     "; expected a 2-D tensor or a dict from id to 2-D tensor; save one of these");
  }
  for (const auto& item : value.toGenericDict()) {
    if (!item.key().isString() && !item.key().isInt()) {
      throw StoreError(name + ": found a key of type " + item.key().tagKind() +
                       "; expected ids that are strings or integers; save such a dict");
    }
    const std::string id = item.key().isInt() ? std::to_string(item.key().toInt()) : item.key().toStringRef();
    const std::string where = name + ":" + id;
    if (!item.value().isTensor()) {
      throw StoreError(where + ": found " + item.value().tagKind() +
                       "; expected a 2-D tensor; save a dict from id to tensor");
    }
    result.by_id.emplace(id, to_matrix(where, item.value().toTensor()));
  }
  return result;
}

}  // namespace dejavid::io
