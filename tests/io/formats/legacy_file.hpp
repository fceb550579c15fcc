#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace alignment::io {

/// Writes what torch.save wrote of a state dict before torch 1.6, and what a forger could make of it: a [2,3] array, an
/// array of two numbers that begins at the second of its storage, and a count of batches.
struct LegacyFile {
  struct Array {
    std::string name;
    std::size_t storage = 0;
    std::vector<std::int64_t> shape, strides;
    std::int64_t offset = 0;
    std::string function = "torch._utils\n_rebuild_tensor_v2";
  };
  struct Storage {
    std::string type = "FloatStorage";
    std::string numbers;
    std::int64_t told_count = 0, written_count = 0;  ///< by the dict and before the numbers
  };

  std::int64_t protocol = 1001;
  bool little_endian = true;
  std::vector<Array> arrays{{.name = "a.weight", .storage = 0, .shape = {2, 3}, .strides = {3, 1}},
                            {.name = "b", .storage = 1, .shape = {2}, .strides = {1}, .offset = 1},
                            {.name = "a.num_batches_tracked", .storage = 2, .shape = {}, .strides = {}}};
  std::vector<Storage> storages{
      {.numbers = floats({1, -2, 3, 4, 5, 6.5F}), .told_count = 6, .written_count = 6},
      {.numbers = floats({7, 8, 9}), .told_count = 3, .written_count = 3},
      {.type = "LongStorage", .numbers = std::string(8, '\1'), .told_count = 1, .written_count = 1}};
  std::vector<std::string> listed{"0", "1", "2"};

  [[nodiscard]] std::string bytes() const {
    using namespace std::string_literals;
    std::string file = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s;
    file += "\x80\x02"s + number(protocol) + ".";
    file += "\x80\x02}("s + text("protocol_version") + number(protocol) + text("little_endian") +
            (little_endian ? "\x88"s : "\x89"s) + "u.";
    file +=
        "\x80\x02"
        "ccollections\nOrderedDict\n)R("s;
    for (const Array& array : arrays) {
      const Storage& storage = storages[array.storage];
      file += text(array.name) + "c" + array.function + "\n((" + text("storage") + "ctorch\n" + storage.type + "\n" +
              text(std::to_string(array.storage)) + text("cpu") + number(storage.told_count) + "NtQ" +
              number(array.offset) + tuple(array.shape) + tuple(array.strides) +
              "\x89"
              "ccollections\nOrderedDict\n)RtR";
    }
    file += "u}" + text("_metadata") + "}sb.";
    file += "\x80\x02](";
    for (const std::string& key : listed) file += text(key);
    file += "e.";
    for (const Storage& storage : storages) file += little(storage.written_count, 8) + storage.numbers;
    return file;
  }

 private:
  static std::string floats(const std::vector<float>& numbers) {
    std::string bytes(numbers.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), numbers.data(), bytes.size());
    return bytes;
  }
  static std::string little(std::int64_t number, int bytes) {
    std::string text;
    for (int n = 0; n < bytes; ++n) text += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * n) & 0xFFU);
    return text;
  }
  static std::string number(std::int64_t number) { return "\x8a\x08" + little(number, 8); }
  static std::string text(const std::string& text) {
    return "X" + little(static_cast<std::int64_t>(text.size()), 4) + text;
  }
  static std::string tuple(const std::vector<std::int64_t>& numbers) {
    std::string text = "(";
    for (const std::int64_t one : numbers) text += number(one);
    return text + "t";
  }
};

}  // namespace alignment::io
