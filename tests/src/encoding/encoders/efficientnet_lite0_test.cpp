#include "src/encoding/encoders/efficientnet_lite0.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "src/encoding/encoders/probe.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::encoding {
namespace {

constexpr std::size_t kWidth = 2280;
constexpr const char* kVariable = "DEJAVID_EFFICIENTNET_LITE0";

class EfficientNetLite0 : public testing::Test {
 protected:
  void SetUp() override {
    try {
      weights_ = find_efficientnet_lite0();
    } catch (const EncoderError& error) {
      GTEST_SKIP() << error.what();
    }
  }
  std::filesystem::path weights_;
};

// Making it compares rows at batch 1 and 2 with values that PyTorch gave for the same weights, to 1e-4 of the largest.
TEST_F(EfficientNetLite0, ComputesWhatPyTorchDoes) {
  const auto encoder = make_efficientnet_lite0(weights_, {});
  const EncoderDescription& description = encoder->description();
  EXPECT_EQ(description.kind, EncoderKind::kFrame);
  EXPECT_EQ(description.frames, 1);
  EXPECT_EQ(description.size, 224);
  EXPECT_EQ(description.features, 1280);
  EXPECT_EQ(description.logits, 1000);
  EXPECT_TRUE(description.classes.empty());
  // The largest numbers of the first input, of PyTorch 2.11 in f64.
  const std::vector<std::uint8_t> frames = probe_frames(1, 224);
  std::vector<float> row(kWidth);
  encoder->encode(std::span(frames).first(frames.size() / 2), 1, row);
  EXPECT_EQ(std::max_element(row.begin(), row.begin() + 1280) - row.begin(), 989);
  EXPECT_NEAR(row[989], 3.585731, 1e-4);
  EXPECT_EQ(std::max_element(row.begin() + 1280, row.end()) - row.begin(), 1280 + 616);
  EXPECT_NEAR(row[1280 + 616], 5.963752, 1e-4);
}

TEST_F(EfficientNetLite0, GivesTheSameBitsInAnyThreadAndCall) {
  const auto encoder = make_efficientnet_lite0(weights_, {});
  const std::vector<std::uint8_t> frames = probe_frames(1, 224);
  std::vector<std::vector<float>> rows(4, std::vector<float>(2 * kWidth));
  {
    std::vector<std::jthread> threads;
    for (auto& of_thread : rows) threads.emplace_back([&] { encoder->encode(frames, 2, of_thread); });
  }
  std::vector<float> again(2 * kWidth);
  encoder->encode(frames, 2, again);
  for (const auto& of_thread : rows) EXPECT_EQ(of_thread, again);
}

TEST_F(EfficientNetLite0, ComputesInBfloat16) {
  const auto encoder = make_efficientnet_lite0(weights_, {.gpu = {}, .precision = EncoderPrecision::kBfloat16});
  EXPECT_TRUE(encoder->description().digest.ends_with("-bf16"));
}

TEST_F(EfficientNetLite0, RefusesOtherWeights) {
  const TemporaryFolder folder;
  std::string bytes = read_text(weights_);
  bytes[bytes.size() / 2] ^= 1;
  write_file(folder / "weights.pth", bytes);
  const std::string message =
      message_of<EncoderError>([&] { (void)make_efficientnet_lite0(folder / "weights.pth", {}); });
  EXPECT_TRUE(message.starts_with((folder / "weights.pth").string() + ": found a file of SHA-256 ")) << message;
  EXPECT_NE(message.find("run launch/install.sh --encoder"), std::string::npos) << message;
}

TEST(EfficientNetLite0Weights, AreRefusedByTheNameOfTheirVariable) {
  const char* before = std::getenv(kVariable);
  const std::string kept = before == nullptr ? "" : before;
  setenv(kVariable, "/nonexistent/weights.pth", 1);
  const std::string message = message_of<EncoderError>([] { (void)find_efficientnet_lite0(); });
  kept.empty() ? unsetenv(kVariable) : setenv(kVariable, kept.c_str(), 1);
  EXPECT_TRUE(message.starts_with("/nonexistent/weights.pth: found no such file; ")) << message;
  EXPECT_NE(message.find(kVariable), std::string::npos) << message;
}

}  // namespace
}  // namespace alignment::encoding
