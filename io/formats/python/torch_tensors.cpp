// The archive of torch.save, read as torch/serialization.py (torch 2.11) reads it, without torch.

#include "io/formats/python/torch_tensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "io/bytes/half_float.hpp"
#include "io/bytes/text.hpp"
#include "io/errors.hpp"
#include "io/formats/file_reader.hpp"
#include "io/formats/python/load_bits.hpp"
#include "io/formats/python/pickle.hpp"
#include "io/formats/python/zip_archive.hpp"

namespace alignment::io {
namespace {

using Kind = PickleNode::Kind;
using Entry = std::variant<StoredTensor, std::string>;
using Records = std::unordered_map<std::string, ZipArchive::Record>;

/// A kind of numbers in torch: as tensors and as storages call it, and what is read of it, if anything.
struct NumberType {
  std::string_view name, storage;
  std::uint64_t bytes;
  std::optional<StoredTensor::Type> read_as;
};

constexpr std::array kNumberTypes{
    NumberType{"float32", "FloatStorage", 4, StoredTensor::Type::kFloat32},
    NumberType{"float64", "DoubleStorage", 8, StoredTensor::Type::kFloat64},
    NumberType{"float16", "HalfStorage", 2, StoredTensor::Type::kFloat16},
    NumberType{"bfloat16", "BFloat16Storage", 2, StoredTensor::Type::kBFloat16},
    NumberType{"int64", "LongStorage", 8, std::nullopt},
    NumberType{"int32", "IntStorage", 4, std::nullopt},
    NumberType{"int16", "ShortStorage", 2, std::nullopt},
    NumberType{"int8", "CharStorage", 1, std::nullopt},
    NumberType{"uint8", "ByteStorage", 1, std::nullopt},
    NumberType{"bool", "BoolStorage", 1, std::nullopt},
    NumberType{"complex64", "ComplexFloatStorage", 8, std::nullopt},
    NumberType{"complex128", "ComplexDoubleStorage", 16, std::nullopt},
};

/// What cannot be read although torch.load reads it: how its pickle begins, what that is, and what to save instead.
struct Unread {
  std::string_view global, found, instead;
};

constexpr std::array kUnread{
    Unread{"torch._utils._rebuild_sparse_tensor", "a sparse tensor", "tensor.to_dense()"},
    Unread{"torch._utils._rebuild_qtensor", "a quantized tensor", "tensor.dequantize()"},
    Unread{"torch._utils._rebuild_nested_tensor", "a nested tensor", "the parts of tensor.unbind()"},
    Unread{"torch._utils._rebuild_meta_tensor_no_storage", "a tensor of the device meta, which has no numbers",
           "one that has"},
    Unread{"torch._utils._rebuild_wrapper_subclass", "a tensor of a class of its own", "a plain torch.Tensor of it"},
    Unread{"numpy.core.multiarray._reconstruct", "a NumPy array", "torch.from_numpy(array)"},
    Unread{"numpy._core.multiarray._reconstruct", "a NumPy array", "torch.from_numpy(array)"},
};

constexpr std::string_view kTypeTag = "torch.jit._pickle.restore_type_tag";
constexpr std::string_view kExpected = "expected a 2-D tensor [T, F] of floating numbers";
constexpr std::string_view kReshaped = "tensor.float().reshape(T, F)";

std::string refusal(std::string_view found, std::string_view instead) {
  return fmt::format("found {}; {}; save {}", found, kExpected, instead);
}

/// Makes tensors of what the pickle of an archive says.
class Interpreter {
 public:
  Interpreter(const PickleDocument& document, const Records& records, const std::string& folder)
      : document_(document), records_(records), folder_(folder) {}

  [[nodiscard]] const PickleNode* node_of(const PickleValue& value, Kind kind) const {
    const auto* container = std::get_if<PickleContainer>(&value);
    if (container == nullptr || document_.containers[container->index].kind != kind) return nullptr;
    return &document_.containers[container->index];
  }

  /// A dict or OrderedDict, whose `dict_items` are its items; nothing where `value` is neither.
  [[nodiscard]] const PickleNode* dict_of(const PickleValue& value) const {
    const PickleNode* call = node_of(value, Kind::kCall);
    if (call == nullptr) return node_of(value, Kind::kDict);
    const PickleNode* arguments = node_of(call->items[1], Kind::kTuple);
    if (arguments == nullptr) return nullptr;
    const std::string_view name = name_of(call->items[0]);
    if (name == "collections.OrderedDict" && arguments->items.empty()) return call;
    const bool tagged = name == kTypeTag && arguments->items.size() == 2;  // as torch::pickle_save() of C++ writes it
    return tagged ? node_of(arguments->items[0], Kind::kDict) : nullptr;
  }

  [[nodiscard]] bool is_tensor_call(const PickleValue& value) const {
    const PickleNode* call = node_of(value, Kind::kCall);
    return call != nullptr && name_of(call->items[0]).starts_with("torch._");
  }

  /// The tensor that `value` stands for.
  [[nodiscard]] Entry tensor_of(const PickleValue& value, int depth = 0) const {
    constexpr int kDeepest = 8;  // a parameter of a tensor with attributes is 3 deep
    const PickleNode* call = node_of(value, Kind::kCall);
    if (call == nullptr || depth > kDeepest) return refusal(describe(value), "a tensor");
    const std::string_view function = name_of(call->items[0]);
    const PickleNode* arguments = node_of(call->items[1], Kind::kTuple);
    if (arguments == nullptr) return refusal(describe(value), "a tensor");
    return rebuilt(function, *arguments, depth);
  }

  /// What a value is, in words.
  [[nodiscard]] std::string describe(const PickleValue& value) const {
    if (std::holds_alternative<PickleNone>(value)) return "None";
    if (std::holds_alternative<bool>(value)) return "a bool";
    if (std::holds_alternative<std::int64_t>(value)) return "an integer";
    if (std::holds_alternative<double>(value)) return "a float";
    if (std::holds_alternative<PickleText>(value)) return "a text";
    if (std::holds_alternative<PickleBytes>(value)) return "bytes";
    if (std::holds_alternative<PickleGlobal>(value)) return fmt::format("the class {}", excerpt(name_of(value)));
    const auto* container = std::get_if<PickleContainer>(&value);
    if (container == nullptr) return "nothing";
    const PickleNode& node = document_.containers[container->index];
    switch (node.kind) {
      case Kind::kList:
        return "a list";
      case Kind::kTuple:
        return "a tuple";
      case Kind::kDict:
        return "a dict";
      case Kind::kSet:
        return "a set";
      case Kind::kPersistent:
        return "a storage";
      case Kind::kCall:
        break;
    }
    const std::string_view name = name_of(node.items[0]);
    const auto unread =
        std::find_if(kUnread.begin(), kUnread.end(), [&](const Unread& one) { return one.global == name; });
    return unread != kUnread.end() ? std::string(unread->found) : fmt::format("an object of {}", excerpt(name));
  }

 private:
  static std::string_view name_of(const PickleValue& value) {
    const auto* global = std::get_if<PickleGlobal>(&value);
    return global == nullptr ? std::string_view("no class or function") : std::string_view(*global->name);
  }

  [[nodiscard]] Entry rebuilt(std::string_view function, const PickleNode& arguments, int depth) const {
    const auto& items = arguments.items;
    const auto has = [&](std::size_t least, std::size_t most) { return items.size() >= least && items.size() <= most; };
    if (function == "torch._utils._rebuild_tensor_v2" && has(6, 7)) {
      return viewed(items, std::nullopt, items.size() == 7 ? &items[6] : nullptr);
    }
    if (function == "torch._utils._rebuild_tensor_v3" && has(7, 8)) {
      return viewed(items, name_of(items[6]), items.size() == 8 ? &items[7] : nullptr);
    }
    if (function == "torch._utils._rebuild_tensor" && has(4, 4)) return viewed(items, std::nullopt, nullptr);
    const bool wraps = (function == "torch._utils._rebuild_parameter" && has(3, 3)) ||
                       (function == "torch._utils._rebuild_parameter_with_state" && has(4, 4)) ||
                       (function == "torch._utils._rebuild_device_tensor_from_cpu_tensor" && has(4, 4)) ||
                       (function == kTypeTag && has(2, 2));
    if (wraps) return tensor_of(items[0], depth + 1);
    const bool typed = function == "torch._tensor._rebuild_from_type_v2" ||
                       function == "torch.tensor._rebuild_from_type_v2" ||
                       function == "torch._tensor._rebuild_from_type" || function == "torch.tensor._rebuild_from_type";
    if (typed && has(4, 4)) {
      const std::string_view type = name_of(items[1]);
      const PickleNode* inner = node_of(items[2], Kind::kTuple);
      if (type != "torch.Tensor" && type != "torch.nn.parameter.Parameter" && type != "torch.nn.parameter.Buffer") {
        return refusal(fmt::format("a tensor of the class {}", excerpt(type)), "a plain torch.Tensor of it");
      }
      if (inner != nullptr && depth < 2) return rebuilt(name_of(items[0]), *inner, depth + 1);
    }
    for (const Unread& unread : kUnread) {
      if (function == unread.global) return refusal(unread.found, unread.instead);
    }
    return refusal(fmt::format("an object of {}", excerpt(function)), "a tensor, or a dict of tensors");
  }

  /// A view of a storage: `items` begin with it, the offset, the shape and the strides. `type`, as in torch.float32, is
  /// said where the storage is one of bytes; `marks` where the view is lazily conjugated or negated.
  [[nodiscard]] Entry viewed(const std::vector<PickleValue>& items, std::optional<std::string_view> type,
                             const PickleValue* marks) const {
    StoredTensor tensor;
    const PickleNode* storage = node_of(items[0], Kind::kPersistent);
    const PickleNode* parts = storage == nullptr ? nullptr : node_of(storage->items[0], Kind::kTuple);
    if (parts == nullptr || parts->items.size() != 5)
      return refusal("a tensor whose storage is not described", "it anew");
    const auto *kind = std::get_if<PickleText>(&parts->items[0]), *key = std::get_if<PickleText>(&parts->items[2]),
               *device = std::get_if<PickleText>(&parts->items[3]);
    const auto* storage_count = std::get_if<std::int64_t>(&parts->items[4]);
    if (kind == nullptr || *kind->text != "storage" || key == nullptr || device == nullptr ||
        storage_count == nullptr || *storage_count < 0) {
      return refusal("a tensor whose storage is not described", "it anew");
    }
    if (device->text->starts_with("meta")) {
      return refusal("a tensor of the device meta, which has no numbers", "one that has");
    }
    const std::string_view storage_class = name_of(parts->items[1]);
    const auto number = std::find_if(kNumberTypes.begin(), kNumberTypes.end(), [&](const NumberType& candidate) {
      return type ? *type == fmt::format("torch.{}", candidate.name)
                  : storage_class.substr(storage_class.rfind('.') + 1) == candidate.storage;
    });
    std::vector<std::uint64_t> shape, strides;
    const auto offset = whole(items[1]);
    if (!offset || !wholes(items[2], shape) || !wholes(items[3], strides) || shape.size() != strides.size()) {
      return refusal("a tensor without a shape", "it anew");
    }
    const std::string_view type_name = number != kNumberTypes.end() ? number->name : type.value_or(storage_class);
    if (number == kNumberTypes.end() || !number->read_as || shape.size() != 2 || shape[0] == 0 || shape[1] == 0) {
      return refusal(fmt::format("a tensor of {}, shape ({})", excerpt(type_name), fmt::join(shape, ", ")),
                     type_name.starts_with("complex") ? "torch.view_as_real(tensor).reshape(T, F)" : kReshaped);
    }
    if (marks != nullptr && !std::holds_alternative<PickleNone>(*marks)) {
      if (const auto refused = read_marks(*marks, tensor.negated)) return *refused;
    }
    const auto record = records_.find(folder_ + "data/" + *key->text);
    if (record == records_.end()) {
      return fmt::format(
          "found no record data/{} in the archive; expected the tensor's storage; copy the file again or "
          "save it anew",
          excerpt(*key->text));
    }
    tensor.type = *number->read_as;
    std::copy_n(shape.begin(), 2, tensor.shape);
    std::copy_n(strides.begin(), 2, tensor.strides);
    tensor.offset = *offset;
    const std::uint64_t storage_bytes = type ? 1 : number->bytes;
    if (static_cast<std::uint64_t>(*storage_count) > std::numeric_limits<std::uint64_t>::max() / storage_bytes) {
      return refusal("a tensor whose storage is not described", "it anew");
    }
    tensor.claimed_bytes = static_cast<std::uint64_t>(*storage_count) * storage_bytes;
    tensor.header = record->second.header;
    tensor.bytes = record->second.bytes;
    tensor.plain = record->second.plain;
    if (const auto refused = check_bounds(tensor, number->bytes)) return *refused;
    return tensor;
  }

  /// The dict of marks that a lazy view carries. Conjugating real numbers changes nothing.
  [[nodiscard]] std::optional<std::string> read_marks(const PickleValue& value, bool& negated) const {
    const PickleNode* marks = dict_of(value);
    if (marks == nullptr) return refusal("a tensor with marks that are no dict", "tensor.clone()");
    for (const auto& [key, set] : marks->dict_items) {
      const auto* name = std::get_if<PickleText>(&key);
      const auto* on = std::get_if<bool>(&set);
      const bool known = name != nullptr && (*name->text == "neg" || *name->text == "conj") && on != nullptr;
      if (!known) {
        return refusal(
            fmt::format("a tensor with the unknown mark '{}'", name != nullptr ? excerpt(*name->text) : describe(key)),
            "tensor.clone()");
      }
      if (*name->text == "neg") negated = *on;
    }
    return std::nullopt;
  }

  /// Strides and offset come from the file: what they reach must lie within the storage before anything is read through
  /// them, and no small file may stand for a large tensor.
  static std::optional<std::string> check_bounds(const StoredTensor& tensor, std::uint64_t element_bytes) {
    const std::uint64_t available = std::min(tensor.claimed_bytes, tensor.bytes) / element_bytes;
    std::uint64_t last = tensor.offset;
    bool fits = last < available;
    for (std::size_t axis = 0; fits && axis < 2; ++axis) {
      const std::uint64_t room = available - 1 - last, further = tensor.shape[axis] - 1;
      fits = tensor.strides[axis] == 0 || further <= room / tensor.strides[axis];
      last += fits ? tensor.strides[axis] * further : 0;
    }
    if (!fits) return "found a tensor that reaches beyond its storage; expected a whole file; save it anew";
    if (tensor.shape[0] > available / tensor.shape[1]) {
      return fmt::format(
          "found a tensor that repeats the {} elements of its storage; expected every element in the "
          "file; save tensor.contiguous()",
          available);
    }
    return std::nullopt;
  }

  static std::optional<std::uint64_t> whole(const PickleValue& value) {
    const auto* number = std::get_if<std::int64_t>(&value);
    if (number == nullptr || *number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
  }

  [[nodiscard]] bool wholes(const PickleValue& value, std::vector<std::uint64_t>& numbers) const {
    const PickleNode* tuple = node_of(value, Kind::kTuple);
    if (tuple == nullptr) return false;
    for (const PickleValue& item : tuple->items) {
      const auto number = whole(item);
      if (!number) return false;
      numbers.push_back(*number);
    }
    return true;
  }

  const PickleDocument& document_;
  const Records& records_;
  const std::string& folder_;
};

std::uint64_t element_bytes(StoredTensor::Type type) {
  switch (type) {
    case StoredTensor::Type::kFloat16:
    case StoredTensor::Type::kBFloat16:
      return 2;
    case StoredTensor::Type::kFloat32:
      return 4;
    case StoredTensor::Type::kFloat64:
      break;
  }
  return 8;
}

/// `count` numbers that lie `stride` elements apart, to places that lie `apart` apart, negated where the tensor is. An
/// f64 too large for f32 becomes infinite.
void widen(const StoredTensor& tensor, bool swapped, const char* from, std::uint64_t stride, std::uint64_t count,
           float* to, std::uint64_t apart) {
  const auto each = [&](auto number_at) {
    const std::uint64_t step = stride * element_bytes(tensor.type);
    for (std::uint64_t n = 0; n < count; ++n, from += step, to += apart) {
      const float number = number_at(from);
      *to = tensor.negated ? -number : number;
    }
  };
  switch (tensor.type) {
    case StoredTensor::Type::kFloat16:
      return each([swapped](const char* at) { return widen_half(load_bits<std::uint16_t>(at, swapped)); });
    case StoredTensor::Type::kBFloat16:
      return each([swapped](const char* at) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(load_bits<std::uint16_t>(at, swapped)) << 16U);
      });
    case StoredTensor::Type::kFloat32:
      return each([swapped](const char* at) { return std::bit_cast<float>(load_bits<std::uint32_t>(at, swapped)); });
    case StoredTensor::Type::kFloat64:
      return each([swapped](const char* at) {
        return static_cast<float>(std::bit_cast<double>(load_bits<std::uint64_t>(at, swapped)));
      });
  }
}

/// A small record of the archive, as text.
std::string text_of(const FileReader& file, const ZipArchive::Record& record, const std::string& where) {
  const std::uint64_t begin = ZipArchive::content_of(file, record, where);
  std::string text(record.bytes, '\0');
  file.read(begin, text);
  return text;
}

/// Everything that an archive says about itself beside its pickle and its storages; what is not known may change the
/// meaning of all the rest.
void check_marks(const FileReader& file, const ZipArchive& archive, bool& big_endian) {
  const std::string& name = file.path().string();
  constexpr std::string_view kKnown = "a file of torch.save (torch 1.6 to 2.11)";
  const auto refuse = [&](const std::string& found) {
    throw StoreError(
        fmt::format("{}: found {}; expected {}; load it in Python and save it with such a torch", name, found, kKnown));
  };
  bool versioned = false;
  for (const auto& [path, record] : archive.records()) {
    if (!path.starts_with(archive.folder())) refuse(fmt::format("the record '{}'", excerpt(path)));
    const std::string_view mark = std::string_view(path).substr(archive.folder().size());
    if (mark == "constants.pkl") {
      throw StoreError(name +
                       ": found a TorchScript archive; expected a tensor or a dict of tensors; save these with "
                       "torch.save");
    }
  }
  for (const auto& [path, record] : archive.records()) {
    const std::string_view mark = std::string_view(path).substr(archive.folder().size());
    if (mark == "data.pkl" || mark.starts_with("data/") || mark.starts_with(".data/serialization_id")) continue;
    const bool known = mark == "version" || mark == ".data/version" || mark == "byteorder" ||
                       mark == ".format_version" || mark == ".storage_alignment";
    constexpr std::uint64_t kLongest = 64;
    if (!known || record.bytes > kLongest) refuse(fmt::format("the record '{}'", excerpt(mark)));
    const std::string text = text_of(file, record, fmt::format("{}:{}", name, mark));
    long long number = 0;
    const bool is_number = parse_integer(trim(text), number);
    const auto refuse_value = [&] { refuse(fmt::format("{} '{}'", mark, excerpt(trim(text)))); };
    if (mark == "byteorder") {
      if (text != "little" && text != "big") refuse_value();
      big_endian = text == "big";
    } else if (mark == ".format_version") {
      if (!is_number || number != 1) refuse_value();
    } else if (mark == ".storage_alignment") {  // says where storages lie, as their own headers do
      if (!is_number || number < 1) refuse_value();
    } else {
      constexpr long long kOldest = 1, kNewest = 10;  // caffe2/serialize/versions.h
      if (!is_number || number < kOldest || number > kNewest) refuse_value();
      versioned = true;
    }
  }
  if (!versioned) refuse("no record 'version'");
}

}  // namespace

TensorFile::TensorFile(std::filesystem::path file) : file_(std::move(file)) {
  const FileReader reader(file_);
  file_bytes_ = reader.size();
  const std::string name = file_.string();
  std::array<char, 16> beginning{};
  reader.read(0, std::span(beginning).first(std::min<std::size_t>(beginning.size(), file_bytes_)));
  const std::string_view magic(beginning.data(), beginning.size());
  if (!magic.starts_with(std::string_view("PK\x03\x04", 4))) {
    constexpr std::string_view kLegacyMagic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12);
    throw StoreError(fmt::format(
        "{}: found {}; expected what torch.save writes since torch 1.6; load it and torch.save "
        "it again",
        name,
        magic.substr(2).starts_with(kLegacyMagic) ? "the format before torch 1.6 (_use_new_zipfile_serialization=False)"
                                                  : "no zip archive"));
  }
  const ZipArchive archive(reader);
  check_marks(reader, archive, big_endian_);
  const auto pickle = archive.records().find(archive.folder() + "data.pkl");
  if (pickle == archive.records().end()) {
    throw StoreError(name + ": found no record data.pkl; expected what torch.save writes; save it anew");
  }
  const std::string bytes = text_of(reader, pickle->second, name + ":data.pkl");
  const PickleDocument document = read_pickle(name, bytes, PickleContent::kCalls);
  const Interpreter interpreter(document, archive.records(), archive.folder());
  if (interpreter.is_tensor_call(document.root)) {
    one_ = true;
    entries_.emplace("", interpreter.tensor_of(document.root));
    return;
  }
  const PickleNode* dict = interpreter.dict_of(document.root);
  if (dict == nullptr) {
    throw StoreError(
        fmt::format("{}: found {}; expected a 2-D tensor or a dict from id to 2-D tensor; save one of these", name,
                    interpreter.describe(document.root)));
  }
  for (const auto& [key, value] : dict->dict_items) {
    const auto* text = std::get_if<PickleText>(&key);
    const auto* number = std::get_if<std::int64_t>(&key);
    if (text == nullptr && number == nullptr) {
      throw StoreError(
          fmt::format("{}: found a key that is {}; expected ids that are strings or integers; save such a "
                      "dict",
                      name, interpreter.describe(key)));
    }
    const std::string id = text != nullptr ? *text->text : std::to_string(*number);
    if (!entries_.try_emplace(id, interpreter.tensor_of(value)).second) {
      throw StoreError(
          fmt::format("{}: found the id {} twice, as text and as a number; expected every id once; save such a "
                      "dict",
                      name, excerpt(id)));
    }
  }
}

std::string TensorFile::where(const std::string& id) const {
  return one_ ? file_.string() : fmt::format("{}:{}", file_.string(), excerpt(id));
}

const StoredTensor& TensorFile::tensor_of(const std::string& id) const {
  const Entry& entry = entries_.at(one_ ? std::string() : id);
  if (const auto* refused = std::get_if<std::string>(&entry)) {
    throw StoreError(fmt::format("{}: {}", where(id), *refused));
  }
  return std::get<StoredTensor>(entry);
}

std::int64_t TensorFile::feature_dim(const std::string& id) const {
  return static_cast<std::int64_t>(tensor_of(id).shape[1]);
}

FeatureMatrix TensorFile::read(const std::string& id) const {
  const StoredTensor& tensor = tensor_of(id);
  const std::string where = this->where(id);
  const FileReader reader(file_);
  if (reader.size() != file_bytes_) {
    throw StoreError(
        fmt::format("{}: found {} bytes in the file; expected {} as a moment ago; leave it alone while it is "
                    "read",
                    where, reader.size(), file_bytes_));
  }
  const std::uint64_t begin =
      ZipArchive::content_of(reader, {.header = tensor.header, .bytes = tensor.bytes, .plain = tensor.plain}, where);
  // Read in pieces along the axis of smaller steps: all of it at once, unless most of what lies between is others'.
  const std::uint64_t width = element_bytes(tensor.type);
  const std::size_t inner = tensor.strides[0] < tensor.strides[1] ? 0 : 1, outer = 1 - inner;
  const std::uint64_t inner_reach = tensor.strides[inner] * (tensor.shape[inner] - 1) + 1;
  const std::uint64_t reach = tensor.strides[outer] * (tensor.shape[outer] - 1) + inner_reach;
  const bool at_once = reach / 2 <= inner_reach * tensor.shape[outer];
  std::vector<char> bytes((at_once ? reach : inner_reach) * width);
  if (at_once) reader.read(begin + tensor.offset * width, bytes);

  FeatureMatrix matrix{.steps = static_cast<std::int64_t>(tensor.shape[0]),
                       .feature_dim = static_cast<std::int64_t>(tensor.shape[1]),
                       .values = std::vector<float>(tensor.shape[0] * tensor.shape[1])};
  const bool swapped = big_endian_ != (std::endian::native == std::endian::big);
  const std::uint64_t feature_dim = tensor.shape[1], across = inner == 0 ? feature_dim : 1;
  for (std::uint64_t line = 0; line < tensor.shape[outer]; ++line) {
    if (!at_once) reader.read(begin + (tensor.offset + line * tensor.strides[outer]) * width, bytes);
    const char* from = bytes.data() + (at_once ? line * tensor.strides[outer] * width : 0);
    float* to = matrix.values.data() + line * (inner == 0 ? 1 : feature_dim);
    widen(tensor, swapped, from, tensor.strides[inner], tensor.shape[inner], to, across);
    if (tensor.type != StoredTensor::Type::kFloat64) continue;
    for (std::uint64_t place = 0; place < tensor.shape[inner]; ++place) {
      const auto wide =
          std::bit_cast<double>(load_bits<std::uint64_t>(from + place * tensor.strides[inner] * width, swapped));
      if (std::isfinite(wide) && !std::isfinite(to[place * across])) {
        throw NotFiniteError(
            fmt::format("{}: found {} at step {}, feature {}, an f64 that does not fit f32; expected "
                        "smaller numbers; scale the features",
                        where, wide, inner == 0 ? place : line, inner == 0 ? line : place));
      }
    }
  }
  return matrix;
}

}  // namespace alignment::io
