#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/ir/constants.h>

#include <cmath>
#include <limits>
#include <thread>

#include "io/bytes/sha256.hpp"
#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/encoders/probe.hpp"
#include "src/encoding/encoders/traced_network.hpp"
#include "tests/src/encoding/encoders/exported_files.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::encoding {
namespace {

constexpr std::size_t kWidth = ExportedFiles::kWidth;

class ExportedEncoder : public testing::Test {
 protected:
  /// The one line in which the files are refused; it begins with the path of `by`.
  std::string refused(const ExportedFiles& files, const std::string& by, const EncoderPlace& place = {}) {
    return refused(files.write(folder_.path()), by, place);
  }
  std::string refused(const std::filesystem::path& file, const std::string& by, const EncoderPlace& place = {}) {
    const std::string message = message_of<EncoderError>([&] { (void)make_encoder(file.string(), place); });
    EXPECT_TRUE(message.starts_with((folder_ / by).string() + ":")) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_NE(message.find("; expected "), std::string::npos) << message;
    return message;
  }
  static void expect_part(const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
  }

  /// Makes the JSON speak of the archive as it is now.
  void write_json_of(const std::filesystem::path& file) {
    write_file(folder_ / "tiny.json", ExportedFiles::default_json(io::sha256_of_file(file)));
  }

  TemporaryFolder folder_;
};

TEST_F(ExportedEncoder, DescribesItselfAsItsJsonSays) {
  const auto encoder = make_encoder(ExportedFiles().write(folder_.path()).string(), {});
  const EncoderDescription& description = encoder->description();
  EXPECT_EQ(description.name, "tiny");
  EXPECT_EQ(description.kind, EncoderKind::kClip);
  EXPECT_EQ(description.frames, 4);
  EXPECT_EQ(description.size, 16);
  EXPECT_EQ(description.resize, Resize::kBilinear);
  EXPECT_EQ(description.features, 12);
  EXPECT_EQ(description.logits, 3);
  EXPECT_EQ(description.classes, (std::vector<std::string>{"open", "close", "none"}));
  EXPECT_EQ(description.digest.size(), 64U);
}

TEST_F(ExportedEncoder, HasADigestOfAllThatItsRowsDependOn) {
  const auto digest_of = [&](const ExportedFiles& files, const EncoderPlace& place = {}) {
    return make_encoder(files.write(folder_.path()).string(), place)->description().digest;
  };
  ExportedFiles files;
  const std::string digest = digest_of(files);
  EXPECT_EQ(digest_of(files), digest);
  files.json = replaced(files.json, "bilinear", "antialias");
  EXPECT_NE(digest_of(files), digest);
  files.json = replaced(ExportedFiles().json, R"(, "classes": ["open", "close", "none"])", "");
  EXPECT_EQ(digest_of(files), digest);  // names are no numbers
  EXPECT_EQ(digest_of(files, {.gpu = {}, .precision = EncoderPrecision::kFloat16}), digest + "-f16");
  files.program = replaced(files.program, "self.gain", "(self.gain * 1.000001)");
  EXPECT_NE(digest_of(files), digest);
}

TEST_F(ExportedEncoder, EncodesWhatTheNetworkSays) {
  const auto encoder = make_encoder(ExportedFiles().write(folder_.path()).string(), {});
  constexpr std::size_t kInputs = 3;
  std::vector<std::uint8_t> frames(kInputs * 4 * 16 * 16 * 3);
  for (std::size_t n = 0; n < frames.size(); ++n) frames[n] = static_cast<std::uint8_t>(n * n % 241);
  std::vector<float> rows(kInputs * kWidth);
  encoder->encode(frames, kInputs, rows);
  for (std::size_t n = 0; n < kInputs; ++n) {
    const auto expected =
        ExportedFiles::expected_row(std::span(frames).subspan(n * frames.size() / kInputs, frames.size() / kInputs));
    for (std::size_t f = 0; f < kWidth; ++f) EXPECT_NEAR(rows[n * kWidth + f], expected[f], 1e-6) << n << " " << f;
  }
}

TEST_F(ExportedEncoder, GivesTheSameBitsInAnyThreadAndCall) {
  ExportedFiles files;
  files.program = replaced(files.program, "  return",
                           "  weights = torch.arange(144).reshape(12, 12).to(x.dtype).sin()\n"
                           "  colours = torch.mm(colours, weights) + colours.cos()\n"
                           "  return");
  for (std::size_t row = 0; row < 2; ++row) {
    const std::vector<float> colours(files.probe.begin() + static_cast<std::ptrdiff_t>(row * kWidth),
                                     files.probe.begin() + static_cast<std::ptrdiff_t>(row * kWidth + 12));
    for (std::size_t f = 0; f < colours.size(); ++f) {
      double sum = std::cos(colours[f]);
      for (std::size_t k = 0; k < colours.size(); ++k) sum += colours[k] * std::sin(static_cast<double>(12 * k + f));
      files.probe[row * kWidth + f] = static_cast<float>(sum);
    }
  }
  const auto encoder = make_encoder(files.write(folder_.path()).string(), {});
  const std::vector<std::uint8_t> frames = probe_frames(4, 16);
  const auto encoded = [&] {
    std::vector<float> rows(2 * kWidth);
    encoder->encode(frames, 2, rows);
    return rows;
  };
  const std::vector<float> first = encoded();
  for (int call = 0; call < 3; ++call) EXPECT_EQ(encoded(), first);
  std::vector<int> same(8, 0);
  {
    std::vector<std::jthread> threads;
    for (int& of_thread : same) {
      threads.emplace_back([&] {
        for (int call = 0; call < 20; ++call) of_thread += encoded() == first ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(same, std::vector<int>(8, 20));
}

TEST_F(ExportedEncoder, ComputesInHalfPrecisionWithinItsTolerance) {
  const std::string file = ExportedFiles().write(folder_.path()).string();
  const std::vector<std::uint8_t> frames = probe_frames(4, 16);
  std::vector<float> exact(2 * kWidth);
  make_encoder(file, {})->encode(frames, 2, exact);
  for (const auto precision : {EncoderPrecision::kFloat16, EncoderPrecision::kBfloat16}) {
    std::vector<float> rows(2 * kWidth);
    make_encoder(file, {.gpu = {}, .precision = precision})->encode(frames, 2, rows);
    EXPECT_NE(rows, exact);  // it is not f32 that computed them
    for (std::size_t n = 0; n < rows.size(); ++n) EXPECT_NEAR(rows[n], exact[n], probe_tolerance(precision));
  }
}

TEST_F(ExportedEncoder, IsRefusedWhereItsProbeDisagrees) {
  ExportedFiles files;
  files.probe[kWidth + 5] += 2e-4F;
  expect_part(refused(files, "tiny.probe.npy"), "in column 5 of input 1 at batch 1");
  // Logits are held to what is largest among them, not among the features.
  files.probe = ExportedFiles::expected_probe();
  files.probe[13] *= 1.001F;
  expect_part(refused(files, "tiny.probe.npy"), "in column 13 of input 0 at batch 1");
  files.probe[13] = std::numeric_limits<float>::quiet_NaN();
  expect_part(refused(files, "tiny.probe.npy"), "not finite");
  files.probe.resize(kWidth);
  files.probe_shape = {1, kWidth};
  expect_part(refused(files, "tiny.probe.npy"), "shape (1, 15); expected (2, 15)");
  const auto file = ExportedFiles().write(folder_.path());
  std::filesystem::remove(folder_ / "tiny.probe.npy");
  expect_part(refused(file, "tiny.probe.npy"), "no such file");
}

TEST_F(ExportedEncoder, IsRefusedWhereItsRowsDependOnTheBatch) {
  ExportedFiles files;
  files.program = "  x = x * self.gain + 0.01 * (x.size(0) - 1)\n" + files.program;
  expect_part(refused(files, "tiny.probe.npy"), "at batch 2");
}

TEST_F(ExportedEncoder, IsRefusedWhereFramesArePreparedInAnotherWay) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"0-1", "0-255"}, {R"("mean": [0,)", R"("mean": [0.1,)"}, {R"("std": [1,)", R"("std": [1.01,)"}}) {
    ExportedFiles files;
    files.json = replaced(files.json, from, to);
    expect_part(refused(files, "tiny.probe.npy"), "at batch 1");
  }
}

TEST_F(ExportedEncoder, IsRefusedWhereItDoesNotGiveRows) {
  ExportedFiles files;
  files.program = "  return x.mean([2, 3, 4])\n";
  expect_part(refused(files, "tiny.pt"), "found rows of shape (1, 3); expected (1, 15)");
  files.program = "  return x.mean()\n";
  expect_part(refused(files, "tiny.pt"), "found rows of shape (); expected (1, 15)");
  files.program = "  return torch.cat([x, x[:, :2]], 1)\n";
  expect_part(refused(files, "tiny.pt"), "found rows of shape (1, 5, 4, 16, 16)");
  files.program = "  return x.reshape(7, 1000)\n";
  expect_part(refused(files, "tiny.pt"), "cannot compute it: shape '[7, 1000]' is invalid");
  files.program = "  return x.mean([3, 4]).flatten(1).repeat(1, 2)[:, :15].log() - float('inf')\n";
  expect_part(refused(files, "tiny.probe.npy"), "found -inf in column 0 of input 0");
}

TEST_F(ExportedEncoder, LeavesItToItsCallerThatAVideoGivesNoNumbers) {
  ExportedFiles files;
  files.program = "  x = x * (x.sum() / x.sum())\n" + files.program;
  const auto encoder = make_encoder(files.write(folder_.path()).string(), {});
  const std::vector<std::uint8_t> dark(std::size_t{4} * 16 * 16 * 3, 0);
  std::vector<float> row(kWidth);
  encoder->encode(dark, 1, row);
  EXPECT_TRUE(std::isnan(row[0]));
}

TEST_F(ExportedEncoder, IsRefusedWhereItChangesItself) {
  const std::string refusal = "found that the network changes itself while it computes; expected";
  ExportedFiles files;
  files.program = "  self.gain.add_(1e-6)\n" + files.program;
  expect_part(refused(files, "tiny.pt"), refusal);
  files.program = replaced(files.program, "1e-6", "0.5");  // so that the probe sees it as well
  expect_part(refused(files, "tiny.pt"), refusal);
}

TEST_F(ExportedEncoder, IsRefusedForEveryKeyOfItsJson) {
  struct Case {
    const char *from, *to, *expected;
  };
  const Case cases[] = {
      {R"("frames": 4)", R"("frames": 0)", ":frames: found 0; expected a whole number from 1 to 4096"},
      {R"("frames": 4)", R"("frames": 4.5)", ":frames: found 4.5; expected a whole number"},
      {R"("frames": 4)", R"("frames": "4")", ":frames: found \"4\"; expected a whole number"},
      {R"("frames": 4, )", "", ":frames: found no value; expected a whole number"},
      {R"("size": 16)", R"("size": 18446744073709551615)", ":size: found 18446744073709551615; expected a whole"},
      {R"("size": 16)", R"("size": -3)", ":size: found -3; expected a whole"},
      {R"("size": 16)", R"("size": 4097)", ":size: found 4097; expected a whole number from 1 to 4096"},
      {R"("frames": 4, "size": 16)", R"("frames": 4096, "size": 4096)",
       ":frames: found 4096; expected frames * size^2 of at most 67108864 pixels, with a size of 4096 at most 4 "
       "frames"},
      {R"("frames": 4, "size": 16)", R"("frames": 1338, "size": 224)", ", with a size of 224 at most 1337 frames"},
      {"NCTHW", "NCHW", ":layout: found \"NCHW\"; expected \"NCTHW\", \"NTCHW\" or \"NTHWC\" of clips"},
      {"0-1", "0-2", ":scale: found \"0-2\"; expected \"0-1\" or \"0-255\""},
      {R"("mean": [0, 0, 0])", R"("mean": [0, 0])", ":mean: found [0,0]; expected three numbers"},
      {R"("mean": [0, 0, 0])", R"("mean": [0, null, 0])", ":mean: found [0,null,0]; expected three numbers"},
      {R"("mean": [0, 0, 0])", R"("mean": [0, 1e60, 0])", ":mean: found [0,1e+60,0]; expected three numbers"},
      {R"("std": [1, 1, 1])", R"("std": [1, 0, 1])", ":std: found [1,0,1]; expected three positive numbers"},
      {R"("std": [1, 1, 1])", R"("std": 1)", ":std: found 1; expected three positive numbers"},
      {"bilinear", "nearest", ":resize: found \"nearest\"; expected \"antialias\" or \"bilinear\""},
      {R"("features": 12)", R"("features": 0)", ":features: found 0; expected"},
      {R"("logits": 3)", R"("logits": -1)", ":logits: found -1; expected"},
      {R"("clip")", R"("film")", ":kind: found \"film\"; expected \"clip\" or \"frame\""},
      {R"("clip")", R"("frame")", ":frames: found 4; expected a whole number from 1 to 1"},
      {"SHA256", "abc", ":sha256: found \"abc\"; expected"},
      {"tiny.probe.npy", "../tiny.probe.npy", ":probe: found \"../tiny.probe.npy\"; expected"},
      {"tiny.probe.npy", "tiny.pt", ":probe: found \"tiny.pt\"; expected"},
      {R"(, "none"])", "]", ":classes: found [\"open\",\"close\"]; expected 3 names"},
      {R"("none"])", "3]", ":classes: found [\"open\",\"close\",3]; expected 3 names"},
      {R"("kind")", R"("kinds": 1, "kind")", ": found the unknown key 'kinds'; expected one of frames, size"},
      {"{", "", ": found what is no JSON; expected an object"},
      {"{", "[{", ": found what is no JSON; expected an object"},
  };
  for (const Case& one : cases) {
    ExportedFiles files;
    files.json = replaced(files.json, one.from, one.to);
    expect_part(refused(files, "tiny.json"), one.expected);
  }
  ExportedFiles files;
  files.json = "[]";
  expect_part(refused(files, "tiny.json"), "found no object");
  const auto file = ExportedFiles().write(folder_.path());
  std::filesystem::remove(folder_ / "tiny.json");
  expect_part(refused(file, "tiny.json"), "found no such file; expected the JSON");
}

TEST_F(ExportedEncoder, IsRefusedWhereItIsNotTheOneItsJsonSpeaksOf) {
  ExportedFiles files;
  files.json = replaced(files.json, "SHA256", std::string(64, 'a'));
  expect_part(refused(files, "tiny.pt"), "; expected " + std::string(64, 'a') + ", of which tiny.json speaks");
}

TEST_F(ExportedEncoder, IsRefusedByNameWhereItIsOfNoKnownFormat) {
  using namespace std::string_literals;
  struct Case {
    std::string bytes, expected;
  };
  const Case cases[] = {
      {"", "found an empty file"},
      {"hello", "found no zip archive"},
      {"\x89HDF\r\n", "found an HDF5 file"},
      {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9", "found weights alone, in the format of torch.save before 1.6"},
      {"PK\x03\x04 cut off", "found no end of a zip archive"},
      {saved_tensor(), "found weights alone, without the network"},
      {zip_of({"m/data.pkl", "m/data/0"}), "found weights alone, without the network"},
      {zip_of({"m/data/aotinductor/model/a.so", "m/models/model.json"}), "found an AOTInductor package"},
      {zip_of({"m/readme"}), "found a zip archive of something else"},
      {zip_of({"m/models/model.json"}), "found that LibTorch cannot load it: "},
      {zip_of({"m/data.pkl", "m/code/a.py", "m/constants.pkl"}), "found that LibTorch cannot load it: "},
  };
  for (const Case& one : cases) {
    const auto file = ExportedFiles().write(folder_.path());
    write_file(file, one.bytes);
    write_json_of(file);
    expect_part(refused(file, "tiny.pt"), one.expected);
  }
  const auto missing = folder_ / "missing.pt";
  expect_part(refused(missing, "missing.pt"), "found no such encoder or file; expected motion, efficientnet-lite0, or");
}

TEST_F(ExportedEncoder, IsRefusedWhereItsNameIsNotUtf8) {
  const auto named = folder_ / "net\xE9.pt";
  std::filesystem::rename(ExportedFiles().write(folder_.path()), named);
  std::filesystem::rename(folder_ / "tiny.json", folder_ / "net\xE9.json");
  const std::string message = message_of<EncoderError>([&] { (void)make_encoder(named.string(), {}); });
  expect_part(message, "found a name that is not UTF-8; expected UTF-8, since a store names its encoder");
}

TEST_F(ExportedEncoder, IsRefusedWhereItIsCut) {
  const auto file = ExportedFiles().write(folder_.path());
  const std::string whole = read_text(file);
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 97) {
    write_file(file, whole.substr(0, bytes));
    write_json_of(file);
    refused(file, "tiny.pt");
  }
}

// As traced, a network allows its convolutions what they were allowed where that was done.
TEST(TracedNetwork, ComputesConvolutionsInF32WhateverTheyWereAllowed) {
  torch::jit::Module inner("inner"), outer("outer");
  inner.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    return torch._convolution(x, torch.ones([1, 3, 1, 1]), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, "
      "True, "
      "False, True, True)\n");
  outer.register_module("inner", inner);
  outer.define("def forward(self, x: Tensor) -> Tensor:\n    return self.inner.forward(x) + 1\n");
  EXPECT_EQ(make_convolutions_plain(outer), 1U);
  std::size_t found = 0;
  for (const torch::jit::Node* node : outer.get_method("forward").graph()->nodes()) {
    if (node->kind() != c10::aten::_convolution) continue;
    ++found;
    EXPECT_EQ(torch::jit::constant_as<bool>(node->input(9)), false) << "benchmark";
    EXPECT_EQ(torch::jit::constant_as<bool>(node->input(10)), true) << "deterministic";
    EXPECT_EQ(torch::jit::constant_as<bool>(node->input(11)), true) << "cudnn_enabled";
    EXPECT_EQ(torch::jit::constant_as<bool>(node->input(12)), false) << "allow_tf32";
  }
  EXPECT_EQ(found, 1U);
  const at::Tensor sum = outer.forward({at::ones({1, 3, 2, 2})}).toTensor();
  EXPECT_TRUE(at::equal(sum, at::full({1, 1, 2, 2}, 4.0)));
}

/// x [4] and numbers that are made or converted as a trace on a CPU does it; 6 is f32.
torch::jit::Module with_constants() {
  torch::jit::Module inner("inner"), outer("outer");
  inner.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    made = torch.arange(4, dtype=6, device=torch.device('cpu'))\n"
      "    moved = x.to(torch.device('cpu'), dtype=6)\n"
      "    return made + moved + torch.ones([4], dtype=6, device=x.device)\n");
  outer.register_module("inner", inner);
  outer.define("def forward(self, x: Tensor) -> Tensor:\n    return self.inner.forward(x)\n");
  return outer;
}

TEST(TracedNetwork, MakesNumbersWhereItIs) {
  torch::jit::Module network = with_constants();
  EXPECT_EQ(set_device_of_constants(network, at::kCPU), 0U);
  EXPECT_EQ(set_device_of_constants(network, at::kMeta), 2U);
  // On this device numbers have no values, but what lies on two devices cannot be added.
  EXPECT_TRUE(network.forward({at::ones({4}).to(at::kMeta)}).toTensor().is_meta());
  EXPECT_ANY_THROW((void)with_constants().forward({at::ones({4}).to(at::kMeta)}));
}

TEST(TracedNetwork, MakesNumbersOfItsType) {
  torch::jit::Module network = with_constants();
  EXPECT_EQ(set_type_of_constants(network, at::kBFloat16), 3U);
  const at::Tensor sum = network.forward({at::ones({4}, at::kBFloat16)}).toTensor();
  EXPECT_EQ(sum.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(sum.to(at::kFloat), at::arange(2, 6, at::kFloat)));
}

TEST_F(ExportedEncoder, ComputesInHalfPrecisionWhatWasTracedInF32) {
  ExportedFiles files;
  files.program = replaced(files.program, "  return",
                           "  colours = torch.mm(colours.to(dtype=6), torch.eye(12, dtype=x.dtype))\n"
                           "  return");
  const std::string file = files.write(folder_.path()).string();
  const std::vector<std::uint8_t> frames = probe_frames(4, 16);
  std::vector<float> rows(2 * kWidth);
  make_encoder(file, {.gpu = {}, .precision = EncoderPrecision::kBfloat16})->encode(frames, 2, rows);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    EXPECT_NEAR(rows[n], files.probe[n], probe_tolerance(EncoderPrecision::kBfloat16));
  }
}

}  // namespace
}  // namespace alignment::encoding
