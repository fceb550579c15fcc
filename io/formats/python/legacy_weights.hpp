#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace alignment::io {

/// An array of a network's weights: `shape` in torch's order, `values` row-major.
struct WeightArray {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// The f32 arrays, by name, of a state dict in the format that torch.save wrote before torch 1.6: pickles of a magic
/// number, a protocol, the writer's byte order, the dict and the keys of its storages, then these storages. Arrays of
/// 64-bit integers, which count batches and are no weights, are passed over. Views with any strides are read. Nothing
/// in the file is executed. Throws StoreError for what is no such file or not all of it.
[[nodiscard]] std::unordered_map<std::string, WeightArray> read_legacy_weights(const std::filesystem::path& file);

}  // namespace alignment::io
