#include "src/programs/dejavid_encode/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "io/bytes/text.hpp"
#include "src/config/error.hpp"
#include "src/job/program/whole_number.hpp"

namespace alignment {
namespace {

constexpr int kMostFrames = 1024, kMostDivisor = 1'000'000;

/// Words of an option and what they stand for.
template <typename Value>
void add_choice(CLI::App& command, const std::string& name, const char* help, std::map<std::string, Value> choices,
                Value& value) {
  std::vector<std::string> words;
  for (const auto& [word, meaning] : choices) words.push_back(word);
  std::string type;
  for (const std::string& word : words) type += (type.empty() ? "" : "|") + word;
  command
      .add_option_function<std::string>(
          name, [choices = std::move(choices), &value](const std::string& word) { value = choices.at(word); }, help)
      ->check(CLI::IsMember(words).description(""))
      ->type_name(type);
}

std::vector<std::int64_t> parse_widths(const std::string& text) {
  std::vector<std::int64_t> widths;
  for (const std::string_view word : io::split_text(text, ',')) {
    long long width = 0;
    const bool is_number = io::parse_integer(word, width) && width > 0;
    if (word != "video" && !is_number) {
      throw ConfigError(
          fmt::format("--widths: found '{}'; expected whole numbers of frames or the word video, with commas between "
                      "them, as 16,32,64,video",
                      word));
    }
    const std::int64_t meant = word == "video" ? 0 : width;
    if (std::find(widths.begin(), widths.end(), meant) != widths.end()) {
      throw ConfigError(fmt::format("--widths: found {} twice; expected every width once; leave one out", word));
    }
    widths.push_back(meant);
  }
  return widths;
}

}  // namespace

void WindowOptions::interpret() {
  using Kind = encoding::WindowRule::Kind;
  const auto named = [](std::initializer_list<std::pair<bool, std::string_view>> options) {
    std::string names;
    for (const auto& [given, name] : options) {
      if (given) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    }
    return names;
  };
  const std::string of_multi = named({{widths.has_value(), "--widths"}, {parsed.clamp, "--clamp"}});
  const std::string of_fraction =
      named({{width_divisor.has_value(), "--width-divisor"}, {stride_divisor.has_value(), "--stride-divisor"}});
  if (rule.empty()) {
    const std::string all = named(
        {{!of_fraction.empty(), of_fraction}, {frames.has_value(), "--window-frames"}, {!of_multi.empty(), of_multi}});
    if (all.empty()) return;
    throw ConfigError(fmt::format(
        "{}: found without --windows; expected --windows fraction|multi beside; add it, or leave them out", all));
  }
  parsed.kind = rule == "multi" ? Kind::kMulti : Kind::kFraction;
  const bool is_multi = parsed.kind == Kind::kMulti;
  if (const std::string& idle = is_multi ? of_fraction : of_multi; !idle.empty()) {
    throw ConfigError(fmt::format("{}: found with --windows {}; expected with {}; leave them out", idle, rule,
                                  is_multi ? "fraction" : "multi"));
  }
  if (widths) parsed.widths = parse_widths(*widths);
  parsed.width_divisor = width_divisor.value_or(parsed.width_divisor);
  parsed.stride_divisor = stride_divisor.value_or(parsed.stride_divisor);
  parsed.frames = frames.value_or(parsed.frames);
}

void add_window_options(CLI::App& command, WindowOptions& options) {
  command
      .add_option("--windows", options.rule,
                  "fraction: windows as wide as a part of the video (Kinetics, HMDB51); multi: around every frame a "
                  "window of each width (Something-Something)")
      ->check(CLI::IsMember({"fraction", "multi"}).description(""))
      ->type_name("fraction|multi");
  command
      .add_option("--width-divisor", options.width_divisor, "fraction: a window is a 1/A of the video wide; default 5")
      ->transform(whole_number(1, kMostDivisor))
      ->type_name("A");
  command
      .add_option("--stride-divisor", options.stride_divisor,
                  "fraction: a window begins every 1/B of the video; default 40")
      ->transform(whole_number(1, kMostDivisor))
      ->type_name("B");
  command
      .add_option("--window-frames", options.frames,
                  "frames taken of a window; default what the encoder takes, 16 for an encoder of single frames")
      ->transform(whole_number(1, kMostFrames))
      ->type_name("M");
  command
      .add_option("--widths", options.widths, "multi: widths in frames, video for all of it; default 16,32,64,video")
      ->type_name("W,W,...");
  command.add_flag("--clamp", options.parsed.clamp,
                   "multi: windows leave the video at its ends, where its first and last frame are repeated; without "
                   "it they stay inside");
}

void add_encode_options(CLI::App& program, encoding::EncodeOptions& options) {
  using encoding::BadVideos;
  using encoding::EncoderPrecision;
  program
      .add_option(
          "--videos", options.videos,
          "CSV file with the columns id,file,label,split, or a folder with a folder a class; of new videos without "
          "labels a file with the column file, or a folder of them")
      ->type_name("M.csv|FOLDER");
  program
      .add_option("--encoder", options.encoder,
                  "motion, efficientnet-lite0, or a file of a TorchScript or torch.export encoder")
      ->type_name("NAME|FILE");
  program.add_option("--out", options.out, "store to write; must not exist yet")->type_name("S.h5");
  add_choice<BadVideos>(program, "--bad-videos",
                        "refuse, the default: no store where a video cannot be decoded; skip: leave those out, and "
                        "those whose file is missing; strict: "
                        "no store either where one decodes in part",
                        {{"refuse", BadVideos::kRefuse}, {"skip", BadVideos::kSkip}, {"strict", BadVideos::kStrict}},
                        options.bad_videos);
  add_choice<bool>(program, "--retry", "failed: try again what an earlier start could not decode",
                   {{"failed", true}, {"none", false}}, options.retry_failed);
  using encoding::KeptLogits;
  add_choice<KeptLogits>(program, "--logits",
                         "auto, the default: an encoder's logits are stored where it names their classes and the "
                         "videos' are among them; keep: whatever they are of; drop: features alone",
                         {{"auto", KeptLogits::kAuto}, {"keep", KeptLogits::kAll}, {"drop", KeptLogits::kNone}},
                         options.logits);
  program.add_flag("--float16", options.float16, "store features as f16: half the size, three decimal digits");
  program.add_option("--gzip", options.gzip_level, "compress, 1 (fast) to 9 (small); 0, the default, does not")
      ->transform(whole_number(0, 9))
      ->type_name("LEVEL");
  constexpr int kMostBatch = 4096;
  program
      .add_option("--batch", options.batch, "windows (single frames) of a video that are encoded at once; default 16")
      ->transform(whole_number(1, kMostBatch))
      ->type_name("N");
  add_choice<EncoderPrecision>(
      program, "--precision", "what a GPU computes in; default f32",
      {{"f32", EncoderPrecision::kFloat32}, {"f16", EncoderPrecision::kFloat16}, {"bf16", EncoderPrecision::kBfloat16}},
      options.precision);
  add_choice<DeviceChoice>(program, "--device", "auto, the default, is a GPU a rank where every rank has one",
                           {{"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}},
                           options.dist.device);
  constexpr int kMostThreads = 4096;
  program
      .add_option("--threads", options.dist.threads,
                  "videos that a rank works on at a time; default its share of the host's cores")
      ->transform(whole_number(0, kMostThreads))
      ->type_name("N");
  program
      .add_option("--dist.timeout_s", options.dist.timeout_s,
                  "seconds after which a rank that says nothing, or a file system that does not answer, ends the job; "
                  "default 600")
      ->check([](const std::string& word) {
        double seconds = 0;
        const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), seconds);
        const bool is_number = error == std::errc() && rest == word.data() + word.size();
        constexpr double kLeast = DistConfig::kLeastTimeout, kMost = DistConfig::kMostTimeout;
        if (is_number && seconds >= kLeast && seconds <= kMost) return std::string();
        return fmt::format("found {}; expected a number of seconds from {} to {}", word, kLeast, kMost);
      })
      ->type_name("SECONDS");
  add_choice<ProgressChoice>(program, "--progress",
                             "how to show progress; auto is a bar on a terminal, else plain lines",
                             {{"auto", ProgressChoice::kAuto},
                              {"bar", ProgressChoice::kBar},
                              {"plain", ProgressChoice::kPlain},
                              {"off", ProgressChoice::kOff}},
                             options.progress);
}

void require_encode_options(const encoding::EncodeOptions& options, const WindowOptions& windows) {
  std::string missing;
  const auto require = [&](bool given, const char* name) {
    if (!given) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
  };
  require(!options.videos.empty(), "--videos");
  require(!options.encoder.empty(), "--encoder");
  require(!windows.rule.empty(), "--windows");
  require(!options.out.empty(), "--out");
  if (missing.empty()) return;
  throw ConfigError(fmt::format(
      "{}: found nothing; expected --videos M.csv|FOLDER --encoder NAME|FILE --windows fraction|multi --out "
      "S.h5; see dejavid_encode --help",
      missing));
}

}  // namespace alignment
