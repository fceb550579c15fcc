#include "src/lrprop/model/encoder_sizes.hpp"

#include <algorithm>

namespace alignment::lrprop {
namespace {

/// A linear layer's weight and bias.
void add_linear(std::vector<ArrayShape>& arrays, const std::string& name, std::int64_t out, std::int64_t in,
                bool bias_is_trained = true) {
  arrays.push_back({name + ".weight", {out, in}});
  arrays.push_back({name + ".bias", {out}, bias_is_trained});
}

/// A norm's scale and shift.
void add_norm(std::vector<ArrayShape>& arrays, const std::string& name, std::int64_t width) {
  arrays.push_back({name + ".weight", {width}});
  arrays.push_back({name + ".bias", {width}});
}

}  // namespace

std::vector<ArrayShape> weight_arrays(const EncoderSizes& sizes) {
  std::vector<ArrayShape> arrays;
  add_linear(arrays, "fc1", sizes.fc_width, sizes.feature_dim, false);
  add_norm(arrays, "bn1", sizes.fc_width);
  add_linear(arrays, "fc2", sizes.fc_width, sizes.fc_width, false);
  add_norm(arrays, "bn2", sizes.fc_width);
  add_linear(arrays, "emb", sizes.hidden, sizes.fc_width, sizes.layers > 0);
  for (std::int64_t layer = 0; layer < sizes.layers; ++layer) {
    const std::string block = "layers." + std::to_string(layer) + '.';
    add_norm(arrays, block + "norm1", sizes.hidden);
    add_linear(arrays, block + "q", sizes.hidden, sizes.hidden);
    add_linear(arrays, block + "k", sizes.hidden, sizes.hidden, false);
    add_linear(arrays, block + "v", sizes.hidden, sizes.hidden);
    add_linear(arrays, block + "o", sizes.hidden, sizes.hidden);
    add_norm(arrays, block + "norm2", sizes.hidden);
    add_linear(arrays, block + "ff1", sizes.ff_width, sizes.hidden);
    add_linear(arrays, block + "ff2", sizes.hidden, sizes.ff_width, layer + 1 < sizes.layers);
  }
  add_linear(arrays, "out", sizes.embedding, sizes.hidden, false);
  add_linear(arrays, "head1", sizes.embedding, sizes.embedding, false);
  add_norm(arrays, "head_bn", sizes.embedding);
  add_linear(arrays, "head2", sizes.embedding, sizes.embedding);
  std::stable_partition(arrays.begin(), arrays.end(), [](const ArrayShape& array) { return array.trained; });
  return arrays;
}

std::vector<ArrayShape> statistic_arrays(const EncoderSizes& sizes) {
  std::vector<ArrayShape> arrays;
  const auto add = [&](const std::string& name, std::int64_t width) {
    arrays.push_back({name + ".running_mean", {width}, false});
    arrays.push_back({name + ".running_var", {width}, false});
  };
  add("bn1", sizes.fc_width);
  add("bn2", sizes.fc_width);
  add("head_bn", sizes.embedding);
  return arrays;
}

std::int64_t element_count(const std::vector<ArrayShape>& arrays) {
  std::int64_t count = 0;
  for (const ArrayShape& array : arrays) count += array.count();
  return count;
}

std::int64_t trained_count(const std::vector<ArrayShape>& arrays) {
  std::int64_t count = 0;
  for (const ArrayShape& array : arrays) count += array.trained ? array.count() : 0;
  return count;
}

}  // namespace alignment::lrprop
