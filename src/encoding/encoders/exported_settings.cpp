#include "src/encoding/encoders/exported_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "io/bytes/sha256.hpp"
#include "io/bytes/shallow_json.hpp"
#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/file_reader.hpp"
#include "io/formats/whole_file.hpp"
#include "src/encoding/encoders/frame_numbers.hpp"

namespace alignment::encoding {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kHowToMake = "launch/export_encoder.py writes it";
constexpr std::array<std::string_view, 13> kKeys{"frames",   "size",   "layout", "scale",  "mean",  "std",    "resize",
                                                 "features", "logits", "kind",   "sha256", "probe", "classes"};

class Reader {
 public:
  explicit Reader(std::filesystem::path file) : file_(std::move(file)) {
    if (!io::names_a_file(file_)) {
      throw EncoderError(
          fmt::format("{}: found no such file; expected the JSON that says how frames are prepared for the encoder; {}",
                      file_.string(), kHowToMake));
    }
    try {
      const std::vector<char> bytes = io::read_whole_file(file_);
      document_ = io::shallow_json<Json>({bytes.data(), bytes.size()});
    } catch (const io::StoreError& error) {
      throw EncoderError(error.what());
    }
    if (document_.is_discarded()) {
      throw EncoderError(fmt::format("{}: found what is no JSON; expected an object; {}", file_.string(), kHowToMake));
    }
    if (!document_.is_object()) {
      throw EncoderError(fmt::format("{}: found no object; expected one; {}", file_.string(), kHowToMake));
    }
    for (const auto& [key, value] : document_.items()) {
      if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
        throw EncoderError(fmt::format("{}: found the unknown key '{}'; expected one of {}; take it out",
                                       file_.string(), io::excerpt(key), fmt::join(kKeys, ", ")));
      }
    }
  }

  [[nodiscard]] bool has(const char* key) const { return document_.contains(key); }

  [[noreturn]] void refuse(const char* key, std::string_view expected) const {
    const std::string found = has(key) ? fmt::format("{}", io::excerpt(dump(document_.at(key)))) : "no value";
    throw EncoderError(
        fmt::format("{}:{}: found {}; expected {}; {}", file_.string(), key, found, expected, kHowToMake));
  }

  [[nodiscard]] std::int64_t whole(const char* key, std::int64_t least, std::int64_t most) const {
    const bool is_whole = has(key) && document_.at(key).is_number_integer();
    // An unsigned number beyond 63 bits would wrap.
    const bool fits = is_whole && document_.at(key).get<double>() >= static_cast<double>(least) &&
                      document_.at(key).get<double>() <= static_cast<double>(most);
    if (!fits) refuse(key, fmt::format("a whole number from {} to {}", least, most));
    return document_.at(key).get<std::int64_t>();
  }

  [[nodiscard]] std::string text(const char* key, std::string_view expected) const {
    if (!has(key) || !document_.at(key).is_string()) refuse(key, expected);
    return document_.at(key).get<std::string>();
  }

  /// One of two words; true for the first.
  [[nodiscard]] bool is_first(const char* key, const char* first, const char* second) const {
    const std::string expected = fmt::format("\"{}\" or \"{}\"", first, second);
    const std::string word = text(key, expected);
    if (word != first && word != second) refuse(key, expected);
    return word == first;
  }

  [[nodiscard]] std::array<double, 3> colour(const char* key, bool positive) const {
    const std::string_view expected =
        positive ? "three positive numbers, of red, green and blue" : "three numbers, of red, green and blue";
    std::array<double, 3> numbers{};
    if (!has(key) || !document_.at(key).is_array() || document_.at(key).size() != numbers.size()) refuse(key, expected);
    for (std::size_t c = 0; c < numbers.size(); ++c) {
      const Json& number = document_.at(key).at(c);
      if (!number.is_number()) refuse(key, expected);
      numbers[c] = number.get<double>();
      // As f32, which is what frames are divided by.
      const auto narrow = static_cast<float>(numbers[c]);
      if (!std::isfinite(narrow) || (positive && !(narrow > 0))) refuse(key, expected);
    }
    return numbers;
  }

  [[nodiscard]] std::vector<std::string> classes(std::int64_t logits) const {
    std::vector<std::string> names;
    if (!has("classes")) return names;
    const std::string expected = fmt::format("{} names, one of each logit, or no such key", logits);
    const Json& list = document_.at("classes");
    if (!list.is_array() || static_cast<std::int64_t>(list.size()) != logits) refuse("classes", expected);
    for (const Json& name : list) {
      if (!name.is_string()) refuse("classes", expected);
      names.push_back(name.get<std::string>());
    }
    return names;
  }

 private:
  static std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

  std::filesystem::path file_;
  Json document_;
};

/// Refuses a file that is no archive, of which a JSON would say nothing either.
void require_archive(const std::filesystem::path& file) {
  constexpr std::string_view kBeginning = "PK\x03\x04";
  try {
    const io::FileReader reader(file);
    std::array<char, kBeginning.size()> beginning{};
    if (reader.size() >= beginning.size()) reader.read(0, beginning);
    if (std::string_view(beginning.data(), beginning.size()) == kBeginning) return;
  } catch (const io::StoreError& error) {
    throw EncoderError(error.what());
  }
  throw EncoderError(fmt::format(
      "{}: found no exported network; expected motion, efficientnet-lite0, a TorchScript archive or a torch.export "
      "package; name another, or export one with launch/export_encoder.py",
      io::printable(file.string())));
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char digit) {
           return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
         });
}

}  // namespace

ExportedSettings read_exported_settings(const std::filesystem::path& encoder) {
  constexpr std::int64_t kMostFrames = 4096, kLongestSide = 4096, kMostColumns = 1 << 24;
  constexpr std::int64_t kMostPixels = 1 << 26;  // of an input, 80 times that of 16 x 224 x 224; in f32 805 MB
  if (!io::is_utf8(encoder.stem().string())) {
    throw EncoderError(
        fmt::format("{}: found a name that is not UTF-8; expected UTF-8, since a store names its encoder; "
                    "rename the file and its JSON",
                    io::as_utf8(encoder.string())));
  }
  std::filesystem::path file = encoder;
  file.replace_extension(".json");
  if (!io::names_a_file(file)) require_archive(encoder);
  const Reader reader(file);
  ExportedSettings settings;
  EncoderDescription& description = settings.description;
  description.name = encoder.stem().string();
  const bool of_clips = reader.is_first("kind", "clip", "frame");
  description.kind = of_clips ? EncoderKind::kClip : EncoderKind::kFrame;
  description.frames = static_cast<int>(reader.whole("frames", 1, of_clips ? kMostFrames : 1));
  description.size = static_cast<int>(reader.whole("size", 1, kLongestSide));
  if (std::int64_t{description.frames} * description.size * description.size > kMostPixels) {
    reader.refuse("frames",
                  fmt::format("frames * size^2 of at most {} pixels, with a size of {} at most {} frames", kMostPixels,
                              description.size, kMostPixels / (std::int64_t{description.size} * description.size)));
  }
  description.resize = reader.is_first("resize", "antialias", "bilinear") ? Resize::kAntialias : Resize::kBilinear;
  description.features = reader.whole("features", 1, kMostColumns);
  description.logits = reader.whole("logits", 0, kMostColumns);
  description.classes = reader.classes(description.logits);
  const std::string_view layouts =
      of_clips ? R"("NCTHW", "NTCHW" or "NTHWC" of clips)" : R"("NCHW" or "NHWC" of frames)";
  settings.layout = reader.text("layout", layouts);
  if (!is_layout(settings.layout, of_clips)) reader.refuse("layout", layouts);
  settings.to_one = reader.is_first("scale", "0-1", "0-255");
  settings.mean = reader.colour("mean", false);
  settings.std = reader.colour("std", true);
  constexpr std::string_view kSha256 = "the encoder's SHA-256, 64 lower-case hexadecimal digits";
  settings.sha256 = reader.text("sha256", kSha256);
  if (!is_sha256(settings.sha256)) reader.refuse("sha256", kSha256);
  constexpr std::string_view kProbe = "the name of the .npy file of the probe's values, which lies beside";
  const std::filesystem::path probe = reader.text("probe", kProbe);
  if (probe.empty() || probe != probe.filename() || probe.extension() != ".npy") reader.refuse("probe", kProbe);
  settings.probe = file.parent_path() / probe;

  const std::string sha256 = io::sha256_of_file(encoder);
  if (sha256 != settings.sha256) {
    throw EncoderError(fmt::format(
        "{}: found a file of SHA-256 {}; expected {}, of which {} speaks; copy both again, or export the encoder again",
        encoder.string(), sha256, settings.sha256, file.filename().string()));
  }
  io::Sha256 digest;
  digest.add(fmt::format("{} {} {} {} {} {} {} {} {} {} {}", sha256, of_clips, description.frames, description.size,
                         static_cast<int>(description.resize), description.features, description.logits,
                         settings.layout, settings.to_one, fmt::join(settings.mean, ","),
                         fmt::join(settings.std, ",")));
  description.digest = digest.hex();
  return settings;
}

}  // namespace alignment::encoding
