// Read as torch/serialization.py (_legacy_save and _legacy_load of torch 2.11) has it, without torch.

#include "io/formats/python/legacy_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "io/bytes/text.hpp"
#include "io/errors.hpp"
#include "io/formats/python/pickle.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::io {
namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
constexpr std::int64_t kProtocol = 1001;

/// A storage of the file: what the dict says of it, and where its numbers lie.
struct Storage {
  std::uint64_t width = 0, count = 0;    ///< bytes of a number, numbers
  std::optional<std::uint64_t> begin{};  ///< byte of the file
};

/// An array as the dict describes it.
struct View {
  std::string storage;
  std::uint64_t offset = 0, count = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::uint64_t> strides;  ///< numbers of the storage from one to the next along each axis
};

class LegacyReader {
 public:
  explicit LegacyReader(const std::filesystem::path& file) : name_(file.string()), bytes_(read_whole_file(file)) {}

  std::unordered_map<std::string, WeightArray> read() {
    static_assert(std::endian::native == std::endian::little);
    if (!std::string_view(bytes_.data(), bytes_.size()).starts_with(kMagic)) {
      refuse("no magic number of a legacy torch.save", "a state dict in the format before torch 1.6");
    }
    position_ = kMagic.size();
    check_protocol();
    check_byte_order();
    document_ = next_pickle();
    std::vector<std::pair<std::string, View>> views;
    const PickleNode* dict = dict_of(document_.root);
    if (dict == nullptr) refuse("no dict", "a dict from names to tensors");
    for (const auto& [key, value] : dict->dict_items) {
      const auto* name = std::get_if<PickleText>(&key);
      if (name == nullptr) refuse("a key that is no text", "a dict from names to tensors");
      views.emplace_back(*name->text, view_of(*name->text, value));
    }
    find_storages();
    return load(views);
  }

 private:
  [[noreturn]] void refuse(std::string_view found, std::string_view expected) const {
    throw StoreError(
        fmt::format("{}: found {}; expected {}; copy the file again or save it anew", name_, found, expected));
  }

  PickleDocument next_pickle() { return read_next_pickle(name_, bytes_, position_, PickleContent::kCalls); }

  void check_protocol() {
    const PickleDocument document = next_pickle();
    const auto* number = std::get_if<std::int64_t>(&document.root);
    if (number == nullptr || *number != kProtocol) {
      refuse("another protocol", fmt::format("{} as torch.save wrote before torch 1.6", kProtocol));
    }
  }

  void check_byte_order() {
    document_ = next_pickle();
    const PickleNode* system = node_of(document_.root, Kind::kDict);
    bool little = false;
    if (system != nullptr) {
      for (const auto& [key, value] : system->dict_items) {
        const auto* name = std::get_if<PickleText>(&key);
        const auto* set = std::get_if<bool>(&value);
        if (name != nullptr && *name->text == "little_endian" && set != nullptr) little = *set;
      }
    }
    if (!little) refuse("no mark of little-endian numbers", "these");
  }

  [[nodiscard]] const PickleNode* node_of(const PickleValue& value, Kind kind) const {
    const auto* container = std::get_if<PickleContainer>(&value);
    if (container == nullptr || document_.containers[container->index].kind != kind) return nullptr;
    return &document_.containers[container->index];
  }

  static std::string_view name_of(const PickleValue& value) {
    const auto* global = std::get_if<PickleGlobal>(&value);
    return global == nullptr ? std::string_view() : std::string_view(*global->name);
  }

  /// A dict or an OrderedDict.
  [[nodiscard]] const PickleNode* dict_of(const PickleValue& value) const {
    const PickleNode* call = node_of(value, Kind::kCall);
    if (call == nullptr) return node_of(value, Kind::kDict);
    return name_of(call->items[0]) == "collections.OrderedDict" ? call : nullptr;
  }

  [[nodiscard]] std::vector<std::int64_t> wholes(const std::string& array, const PickleValue& value) const {
    const PickleNode* tuple = node_of(value, Kind::kTuple);
    std::vector<std::int64_t> numbers;
    if (tuple != nullptr) {
      for (const PickleValue& item : tuple->items) {
        const auto* number = std::get_if<std::int64_t>(&item);
        if (number != nullptr && *number >= 0) numbers.push_back(*number);
      }
    }
    if (tuple == nullptr || numbers.size() != tuple->items.size()) refuse_array(array, "no shape");
    return numbers;
  }

  [[noreturn]] void refuse_array(const std::string& array, std::string_view found) const {
    refuse(fmt::format("{} of '{}'", found, excerpt(array)), "a tensor of 32-bit floats within its storage");
  }

  View view_of(const std::string& array, const PickleValue& value) {
    const PickleNode* call = node_of(value, Kind::kCall);
    const PickleNode* arguments = call == nullptr ? nullptr : node_of(call->items[1], Kind::kTuple);
    if (arguments != nullptr && name_of(call->items[0]) == "torch._utils._rebuild_parameter" &&
        !arguments->items.empty()) {
      call = node_of(arguments->items[0], Kind::kCall);
      arguments = call == nullptr ? nullptr : node_of(call->items[1], Kind::kTuple);
    }
    if (arguments == nullptr || name_of(call->items[0]) != "torch._utils._rebuild_tensor_v2" ||
        arguments->items.size() != 6) {
      refuse_array(array, "no tensor");
    }
    View view;
    view.storage = storage_of(array, arguments->items[0]);
    const auto* offset = std::get_if<std::int64_t>(&arguments->items[1]);
    view.shape = wholes(array, arguments->items[2]);
    const std::vector<std::int64_t> strides = wholes(array, arguments->items[3]);
    if (offset == nullptr || *offset < 0 || strides.size() != view.shape.size()) refuse_array(array, "no shape");
    view.offset = static_cast<std::uint64_t>(*offset);
    view.count = 1;
    const std::uint64_t available = storages_.at(view.storage).count;
    std::uint64_t last = view.offset;  // the furthest number that the view reaches
    for (std::size_t axis = 0; axis < view.shape.size(); ++axis) {
      const auto extent = static_cast<std::uint64_t>(view.shape[axis]);
      const auto stride = static_cast<std::uint64_t>(strides[axis]);
      view.strides.push_back(stride);
      if (extent == 0) refuse_array(array, "an empty shape");
      const bool fits = extent <= available / view.count && last < available &&
                        (stride == 0 || extent - 1 <= (available - 1 - last) / stride);
      if (!fits) refuse_array(array, "a shape beyond the storage");
      view.count *= extent;
      last += stride * (extent - 1);
    }
    if (last >= available) refuse_array(array, "a shape beyond the storage");
    return view;
  }

  /// The key of the storage that `value` stands for, which is noted.
  std::string storage_of(const std::string& array, const PickleValue& value) {
    const PickleNode* persistent = node_of(value, Kind::kPersistent);
    const PickleNode* parts = persistent == nullptr ? nullptr : node_of(persistent->items[0], Kind::kTuple);
    if (parts == nullptr || parts->items.size() != 6) refuse_array(array, "no storage");
    const auto* kind = std::get_if<PickleText>(&parts->items[0]);
    const auto* key = std::get_if<PickleText>(&parts->items[2]);
    const auto* count = std::get_if<std::int64_t>(&parts->items[4]);
    const bool whole = std::holds_alternative<PickleNone>(parts->items[5]);
    if (kind == nullptr || *kind->text != "storage" || key == nullptr || count == nullptr || *count < 0 || !whole) {
      refuse_array(array, "no storage");
    }
    const std::string_view type = name_of(parts->items[1]);
    const std::uint64_t width = type == "torch.FloatStorage" ? 4 : type == "torch.LongStorage" ? 8 : 0;
    if (width == 0) refuse_array(array, fmt::format("the type {}", excerpt(type)));
    const Storage storage{.width = width, .count = static_cast<std::uint64_t>(*count)};
    const auto [known, added] = storages_.try_emplace(*key->text, storage);
    if (!added && (known->second.width != storage.width || known->second.count != storage.count)) {
      refuse_array(array, "a storage that is described in two ways");
    }
    return *key->text;
  }

  /// Behind the dict: the keys of the storages, then each storage as the count of its numbers and these.
  void find_storages() {
    document_ = next_pickle();
    const PickleNode* keys = node_of(document_.root, Kind::kList);
    constexpr std::string_view kExpected = "every storage of the dict once, whole, and nothing else";
    if (keys == nullptr) refuse("no list of storages", kExpected);
    std::size_t found = 0;
    for (const PickleValue& item : keys->items) {
      const auto* key = std::get_if<PickleText>(&item);
      const auto storage = key == nullptr ? storages_.end() : storages_.find(*key->text);
      if (storage == storages_.end() || storage->second.begin) refuse("another list of storages", kExpected);
      std::uint64_t count = 0;
      if (bytes_.size() - position_ < sizeof count) refuse("the end of the file within its storages", kExpected);
      std::memcpy(&count, bytes_.data() + position_, sizeof count);
      position_ += sizeof count;
      if (count != storage->second.count) refuse("a storage of another size", kExpected);
      if (count > (bytes_.size() - position_) / storage->second.width) {
        refuse("the end of the file within its storages", kExpected);
      }
      storage->second.begin = position_;
      position_ += count * storage->second.width;
      ++found;
    }
    if (found != storages_.size()) refuse("too few storages", kExpected);
    if (position_ != bytes_.size()) {
      refuse(fmt::format("{} bytes behind the last storage", bytes_.size() - position_), kExpected);
    }
  }

  std::unordered_map<std::string, WeightArray> load(const std::vector<std::pair<std::string, View>>& views) {
    // No number belongs to two arrays, so that a small file cannot stand for large ones.
    std::uint64_t left = 0;
    for (const auto& [key, storage] : storages_) left += storage.count;
    std::unordered_map<std::string, WeightArray> arrays;
    for (const auto& [array, view] : views) {
      const Storage& storage = storages_.at(view.storage);
      if (view.count > left) refuse_array(array, "numbers that others have as well");
      left -= view.count;
      if (storage.width != sizeof(float)) continue;
      WeightArray weights{.shape = view.shape, .values = std::vector<float>(view.count)};
      copy(view, bytes_.data() + *storage.begin, weights.values);
      if (!arrays.emplace(array, std::move(weights)).second) refuse_array(array, "a second tensor");
    }
    return arrays;
  }

  static void copy(const View& view, const char* storage, std::vector<float>& values) {
    std::vector<std::int64_t> index(view.shape.size(), 0);
    std::uint64_t at = view.offset;
    for (float& value : values) {
      std::memcpy(&value, storage + at * sizeof value, sizeof value);
      for (std::size_t axis = index.size(); axis > 0; --axis) {  // the last index runs fastest
        at += view.strides[axis - 1];
        if (++index[axis - 1] < view.shape[axis - 1]) break;
        at -= view.strides[axis - 1] * static_cast<std::uint64_t>(view.shape[axis - 1]);
        index[axis - 1] = 0;
      }
    }
  }

  std::string name_;
  std::vector<char> bytes_;
  std::size_t position_ = 0;
  PickleDocument document_;
  std::unordered_map<std::string, Storage> storages_;
};

}  // namespace

std::unordered_map<std::string, WeightArray> read_legacy_weights(const std::filesystem::path& file) {
  return LegacyReader(file).read();
}

}  // namespace alignment::io
