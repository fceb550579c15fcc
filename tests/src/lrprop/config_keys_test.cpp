#include "src/lrprop/config/config_keys.hpp"

#include <gtest/gtest.h>

#include "src/config/error.hpp"
#include "src/lrprop/config/config.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::lrprop {
namespace {

TEST(LrpropKeys, OfNumbersRefuseWhatIsNotFinite) {
  int numbers = 0;
  for (const Key& key : key_table().keys()) {
    if (key.kind != KeyKind::kNumber) continue;
    ++numbers;
    const std::string expected = "; expected " + key.expected + ";";
    for (const std::string word : {"nan", "-nan", "inf", "-inf"}) {
      const std::string in_file = message_of<ConfigError>(
          [&] { (void)from_toml("[" + key.section + "]\n" + key.name + " = " + word + "\n", "a.toml"); });
      EXPECT_TRUE(in_file.starts_with("a.toml:2:")) << in_file;
      EXPECT_NE(in_file.find(": " + key.full_name() + ": found " + (word == "-nan" ? "nan" : word)), std::string::npos)
          << in_file;
      EXPECT_NE(in_file.find(expected), std::string::npos) << in_file;
    }
  }
  EXPECT_GE(numbers, 14);
}

TEST(LrpropKeys, OfSizesRefuseThoseWhoseProductsOverflow) {
  for (const std::string name : {"model.fc_width", "model.hidden", "model.heads", "model.ff_width", "model.layers",
                                 "model.embedding", "train.frames", "train.pairs_per_rank", "train.pairs_per_step"}) {
    Config config;
    const Key& key = *key_table().find(name);
    EXPECT_TRUE(key.assign(config, RawValue(std::int64_t{1000}))) << name;
    EXPECT_FALSE(key.assign(config, RawValue((std::int64_t{1} << 24) + 1))) << name;
    EXPECT_FALSE(key.assign(config, RawValue(std::int64_t{1} << 62))) << name;
  }
}

TEST(LrpropKeys, OfListsOfNumbersRefuseThemToo) {
  for (const std::string list : {"nan", "0.5,inf", "0.1,-nan"}) {
    Config config;
    config.eval.fractions = list;
    const std::string message = message_of<ConfigError>([&] { (void)fractions_of(config); });
    EXPECT_TRUE(message.starts_with("eval.fractions: found ")) << message;
    EXPECT_NE(message.find("; expected "), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace alignment::lrprop
