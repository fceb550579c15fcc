// The only file that knows LibTorch's headers, which carry an fmt of their own: so no fmt here, and nothing that
// includes it.

#include "io/formats/torch_tensors.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "io/errors.hpp"
#include "io/formats/whole_file.hpp"
#include "io/utf8.hpp"

namespace dejavid::io {
namespace {

/// LibTorch quotes what it found in the file, whatever bytes these are.
std::string first_line(std::string_view text) {
  return printable(text.substr(0, text.find('\n')));
}

/// Bytes that the archive really has for each storage, by its address. LibTorch takes the number from the pickle, which
/// may promise more.
using StorageBytes = std::unordered_map<const void*, std::size_t>;

/// The file as LibTorch's archive reader wants it.
class Bytes : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::size_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t at, void* destination, std::size_t count, const char* /*what*/) const override {
    return at > bytes_.size() ? 0 : bytes_.copy(static_cast<char*>(destination), count, at);
  }

 private:
  std::string_view bytes_;
};

/// What follows an opcode: so many bytes, or a length of `length_width` bytes and that many bytes, or so many lines.
struct Argument {
  std::size_t bytes = 0, length_width = 0, lines = 0;
};

Argument argument_of(char opcode) {
  switch (static_cast<unsigned char>(opcode)) {
    case 'K':
    case 'h':
    case 'q':
    case 0x80:
    case 0x82:
      return {.bytes = 1};
    case 'M':
    case 0x83:
      return {.bytes = 2};
    case 'J':
    case 'j':
    case 'r':
    case 0x84:
      return {.bytes = 4};
    case 'G':
    case 0x95:
      return {.bytes = 8};
    case 'C':
    case 'U':
    case 0x8a:
    case 0x8c:
      return {.length_width = 1};
    case 'B':
    case 'T':
    case 'X':
    case 0x8b:
      return {.length_width = 4};
    case 0x8d:
    case 0x8e:
    case 0x96:
      return {.length_width = 8};
    case 'F':
    case 'I':
    case 'L':
    case 'P':
    case 'S':
    case 'V':
    case 'g':
    case 'p':
      return {.lines = 1};
    case 'c':
    case 'i':
      return {.lines = 2};
    default:
      return {};
  }
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t n = bytes.size(); n > 0; --n) value = value << 8U | static_cast<unsigned char>(bytes[n - 1]);
  return value;
}

/// LibTorch makes room for texts as long as they claim to be, and for as many remembered values as the largest number
/// under which one is remembered; a pickle that Python wrote counts them, so that none exceeds its bytes.
void check_sizes(const std::string& where, std::string_view pickle) {
  constexpr char kLongPut = 'r', kStop = '.';
  std::string_view left = pickle;
  const auto skip = [&](std::uint64_t count) { left.remove_prefix(std::min<std::uint64_t>(count, left.size())); };
  while (!left.empty() && left.front() != kStop) {
    const char opcode = left.front();
    skip(1);
    const Argument argument = argument_of(opcode);
    if (opcode == kLongPut && little_endian(left.substr(0, argument.bytes)) > pickle.size()) {
      throw StoreError(where + ": found value number " + std::to_string(little_endian(left.substr(0, argument.bytes))) +
                       " in a pickle of " + std::to_string(pickle.size()) +
                       " bytes; expected them counted; copy the file again or save it anew");
    }
    const std::uint64_t length = little_endian(left.substr(0, argument.length_width));
    skip(argument.bytes + argument.length_width);
    if (length > left.size()) {
      throw StoreError(where + ": found a pickle that ends within a text of " + std::to_string(length) +
                       " bytes; expected all of it; copy the file again or save it anew");
    }
    skip(length);
    for (std::size_t line = 0; line < argument.lines; ++line) skip(std::min(left.find('\n'), left.size()) + 1);
  }
}

/// What torch::jit::pickle_load() does, but the numbers in the pickle are checked and the sizes of records kept.
at::IValue unpickle(const std::string& where, const std::vector<char>& bytes, StorageBytes& storages) {
  caffe2::serialize::PyTorchStreamReader archive(std::make_unique<Bytes>(std::string_view(bytes.data(), bytes.size())));
  const auto record = [&](const std::string& record_name) {
    if (const std::size_t size = archive.getRecordSize(record_name);
        size > bytes.size()) {  // room is made for it first
      throw StoreError(where + ": found a record of " + std::to_string(size) + " bytes in a file of " +
                       std::to_string(bytes.size()) + "; expected it whole and not compressed; save it anew");
    }
    return archive.getRecord(record_name);
  };
  const auto [pickle, size] = record("data.pkl");
  std::string_view left(static_cast<const char*>(pickle.get()), size);
  check_sizes(where, left);
  const auto read = [&left](char* destination, std::size_t count) {
    const std::size_t given = left.copy(destination, count);
    left.remove_prefix(given);
    return given;
  };
  const auto read_storage = [&](const std::string& key) {
    auto [data, count] = record("data/" + key);
    storages[data.get()] = count;
    return std::move(data);
  };
  torch::jit::Unpickler unpickler(read, nullptr, nullptr, read_storage, std::nullopt);
  unpickler.set_version(archive.version());
  return unpickler.parse_ivalue();
}

/// Of a 2-D tensor. Strides and offset come from the file: what they reach must lie within the storage before anything
/// is read through them, and no small file may stand for a large tensor.
void check_bounds(const std::string& where, const at::Tensor& tensor, const StorageBytes& storages) {
  const auto found = storages.find(tensor.storage().data());
  const std::size_t bytes = found == storages.end() ? 0 : std::min(found->second, tensor.storage().nbytes());
  const auto available = static_cast<std::int64_t>(bytes / static_cast<std::size_t>(tensor.element_size()));
  std::int64_t last = tensor.storage_offset();
  bool fits = last >= 0 && last < available;
  for (std::int64_t axis = 0; fits && axis < tensor.dim(); ++axis) {
    const std::int64_t room = available - 1 - last, stride = tensor.stride(axis), further = tensor.size(axis) - 1;
    fits = further >= 0 && stride >= 0 && (stride == 0 || further <= room / stride);
    last += fits ? stride * further : 0;
  }
  if (!fits) {
    throw StoreError(where + ": found a tensor that reaches beyond its storage; expected a whole file; save it anew");
  }
  if (tensor.size(0) > available / tensor.size(1)) {
    throw StoreError(where + ": found a tensor that repeats the " + std::to_string(available) +
                     " elements of its storage; expected every element in the file; save tensor.contiguous()");
  }
}

FeatureMatrix to_matrix(const std::string& where, const at::Tensor& tensor, const StorageBytes& storages) {
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
  check_bounds(where, tensor, storages);
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

TensorFile load(const std::string& name, const std::vector<char>& bytes) {
  StorageBytes storages;
  const at::IValue value = unpickle(name, bytes, storages);
  const at::NoGradGuard no_gradient;
  TensorFile result;
  if (value.isTensor()) {
    result.tensor = to_matrix(name, value.toTensor(), storages);
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
    const std::string where = name + ":" + printable(id);
    if (!item.value().isTensor()) {
      throw StoreError(where + ": found " + item.value().tagKind() +
                       "; expected a 2-D tensor; save a dict from id to tensor");
    }
    result.by_id.emplace(id, to_matrix(where, item.value().toTensor(), storages));
  }
  return result;
}

[[noreturn]] void refuse(const std::string& name, std::string_view reason) {
  throw StoreError(name + ": LibTorch says: " + first_line(reason) +
                   "; expected a tensor or a plain dict of tensors on the CPU; load it in Python and torch.save that");
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
  try {
    return load(name, bytes);
  } catch (const StoreError&) {
    throw;
  } catch (const NotFiniteError&) {
    throw;
  } catch (const c10::Error& error) {
    refuse(name, error.what_without_backtrace());
  } catch (const std::exception& error) {
    refuse(name, error.what());
  }
}

}  // namespace dejavid::io
