#include "src/programs/dejavid_encode/options.hpp"

#include <gtest/gtest.h>

#include <map>

#include "src/config/error.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment {
namespace {

struct Parsed {
  encoding::EncodeOptions options;
  WindowOptions windows;
};

/// What the words behind a whole command line make of it. Throws as CLI11 and interpret() do.
Parsed parse(const std::string& rule, std::vector<std::string> words) {
  Parsed parsed;
  CLI::App program;
  add_encode_options(program, parsed.options);
  add_window_options(program, parsed.windows);
  for (const char* word : {"a.h5", "--out", "motion", "--encoder", "set", "--videos"}) words.emplace_back(word);
  if (!rule.empty()) words.insert(words.end(), {rule, "--windows"});
  program.parse(std::move(words));  // from the last to the first
  if (!rule.empty()) require_encode_options(parsed.options, parsed.windows);
  parsed.windows.interpret();
  return parsed;
}

void expect_parts(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) EXPECT_NE(message.find(part), std::string::npos) << message << "\n" << part;
  EXPECT_NE(message.find("expected"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(EncodeOptions, OfWindowsAreRefusedWhereTheyDoNotFit) {
  struct Case {
    std::string rule;
    std::vector<std::string> words;  ///< the last first
    std::vector<std::string> parts;
  };
  const Case cases[] = {
      {"multi", {"16,x", "--widths"}, {"--widths", "found 'x'"}},
      {"multi", {"", "--widths"}, {"--widths", "found ''"}},
      {"multi", {"16,", "--widths"}, {"--widths", "found ''"}},
      {"multi", {"0", "--widths"}, {"--widths", "found '0'"}},
      {"multi", {"video,16,video", "--widths"}, {"--widths", "found video twice"}},
      {"multi", {"1,01", "--widths"}, {"--widths", "found 01 twice"}},
      {"multi", {"5", "--width-divisor"}, {"--width-divisor: found with --windows multi", "fraction"}},
      {"multi", {"5", "--stride-divisor", "5", "--width-divisor"}, {"--width-divisor, --stride-divisor: found with"}},
      {"fraction", {"--clamp"}, {"--clamp: found with --windows fraction", "multi"}},
      {"fraction", {"16", "--widths"}, {"--widths: found with --windows fraction", "multi"}},
      {"", {"16", "--widths"}, {"--widths: found without --windows"}},
      {"", {"8", "--window-frames"}, {"--window-frames: found without --windows"}},
  };
  for (const Case& one : cases) {
    expect_parts(message_of<ConfigError>([&] { (void)parse(one.rule, one.words); }), one.parts);
  }
  const Parsed parsed = parse("multi", {"16,video", "--widths"});
  EXPECT_EQ(parsed.windows.parsed.widths, (std::vector<std::int64_t>{16, 0}));
}

TEST(EncodeOptions, OfTimeAreSecondsWithinReason) {
  for (const char* const word : {"nan", "-nan", "inf", "-inf", "1e-9", "0.099", "1.1e8", "-1", "x", "", "3s"}) {
    const std::string message = message_of<CLI::ValidationError>([&] {
      (void)parse("fraction", {word, "--dist.timeout_s"});
    });
    expect_parts(message, {"--dist.timeout_s", "found " + std::string(word) + ";", "from 0.1 to 100000000"});
  }
  for (const auto& [word, seconds] : std::map<std::string, double>{{"0.1", 0.1}, {"1e8", 1e8}, {"600", 600}}) {
    EXPECT_EQ(parse("fraction", {word, "--dist.timeout_s"}).options.dist.timeout_s, seconds);
  }
}

}  // namespace
}  // namespace alignment
