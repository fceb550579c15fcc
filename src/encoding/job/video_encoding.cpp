#include "src/encoding/job/video_encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "io/video/video_reader.hpp"

namespace alignment::encoding {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Adds the time of a scope to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(Clock::now() - begun_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  Clock::time_point begun_ = Clock::now();
};

/// What an encoder is given, each of the same number of frames: a window, or a single frame.
struct Inputs {
  std::int64_t frames_each = 1;
  std::vector<std::int64_t> frames;  ///< [inputs, frames_each]

  [[nodiscard]] std::int64_t count() const { return std::ssize(frames) / frames_each; }
  [[nodiscard]] std::span<const std::int64_t> of(std::int64_t input) const {
    return std::span(frames).subspan(static_cast<std::size_t>(input * frames_each),
                                     static_cast<std::size_t>(frames_each));
  }
};

std::vector<std::int64_t> different_frames(const WindowPlan& plan) {
  std::vector<std::int64_t> frames = plan.frame_of_window;
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

Inputs inputs_of(const WindowPlan& plan, EncoderKind kind) {
  if (kind == EncoderKind::kClip) return {plan.frames, plan.frame_of_window};
  return {1, different_frames(plan)};
}

/// Some inputs, in the order in which they can be made as frames come, and when each frame has had its last use.
struct Pass {
  struct Use {
    std::int64_t last, frame;  ///< `frame` is not needed behind frame `last`
  };
  std::vector<std::int64_t> inputs;
  std::vector<Use> uses;  ///< one a frame, the earliest `last` first

  [[nodiscard]] std::int64_t last_frame() const { return uses.back().last; }
};

std::int64_t last_of(std::span<const std::int64_t> frames) {
  return *std::max_element(frames.begin(), frames.end());
}

Pass make_pass(const Inputs& inputs, std::span<const std::int64_t> chosen) {
  Pass pass;
  pass.inputs.assign(chosen.begin(), chosen.end());
  std::unordered_map<std::int64_t, std::int64_t> last_use;
  for (const std::int64_t input : chosen) {
    const std::int64_t last = last_of(inputs.of(input));
    for (const std::int64_t frame : inputs.of(input)) {
      std::int64_t& known = last_use[frame];
      known = std::max(known, last);
    }
  }
  for (const auto& [frame, last] : last_use) pass.uses.push_back({last, frame});
  std::sort(pass.uses.begin(), pass.uses.end(), [](const Pass::Use& a, const Pass::Use& b) {
    return std::pair(a.last, a.frame) < std::pair(b.last, b.frame);
  });
  return pass;
}

/// The most frames that have to be kept at a time.
std::int64_t most_at_a_time(const Pass& pass) {
  std::vector<std::int64_t> changes(static_cast<std::size_t>(pass.last_frame()) + 2);
  for (const Pass::Use& use : pass.uses) {
    ++changes[static_cast<std::size_t>(use.frame)];
    --changes[static_cast<std::size_t>(use.last) + 1];
  }
  std::int64_t now = 0, most = 0;
  for (const std::int64_t change : changes) most = std::max(most, now += change);
  return most;
}

/// One pass over the video where that keeps few enough frames; else several, of few different frames each.
std::vector<Pass> passes_of(const Inputs& inputs) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(inputs.count()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t left, std::int64_t right) {
    return last_of(inputs.of(left)) < last_of(inputs.of(right));
  });
  std::vector<Pass> passes;
  passes.push_back(make_pass(inputs, order));
  if (most_at_a_time(passes.front()) <= VideoEncoding::kMostFrames) return passes;
  passes.clear();
  std::unordered_set<std::int64_t> frames;
  std::size_t first = 0;
  for (std::size_t next = 0; next < order.size(); ++next) {
    const std::span<const std::int64_t> coming = inputs.of(order[next]);
    const auto fresh = std::count_if(coming.begin(), coming.end(), [&](auto frame) { return !frames.contains(frame); });
    if (next > first && std::ssize(frames) + fresh > VideoEncoding::kMostFrames) {
      passes.push_back(make_pass(inputs, std::span(order).subspan(first, next - first)));
      frames.clear();
      first = next;
    }
    frames.insert(coming.begin(), coming.end());
  }
  passes.push_back(make_pass(inputs, std::span(order).subspan(first)));
  return passes;
}

}  // namespace

EncodingTimes& EncodingTimes::operator+=(const EncodingTimes& other) {
  decoding += other.decoding;
  preparing += other.preparing;
  encoding += other.encoding;
  return *this;
}

std::int64_t largest_batch(const EncoderDescription& encoder) {
  const std::int64_t side = encoder.size;
  return std::numeric_limits<std::int32_t>::max() / (3 * encoder.frames * side * side);
}

std::int64_t row_features(const EncoderDescription& encoder, const EncodingRule& rule) {
  const std::int64_t windows = rule.windows.kind == WindowRule::Kind::kMulti ? std::ssize(rule.windows.widths) : 1;
  return windows * (encoder.features + (rule.keeps_logits ? encoder.logits : 0));
}

/// One video under way.
struct VideoEncoding::Course {
  const VideoEncoding& owner;
  const std::filesystem::path& file;
  EncodingWork& work;
  const EncoderDescription& description = owner.encoder_.description();
  std::size_t frame_bytes =
      std::size_t{3} * static_cast<std::size_t>(description.size) * static_cast<std::size_t>(description.size);
  std::size_t numbers = static_cast<std::size_t>(description.features + description.logits);  ///< of an output
  EncodedVideo video{};
  std::vector<double> times{};  ///< [|vid|]
  std::vector<Bytes> kept{};    ///< all frames of a short video
  std::vector<Bytes> room{};    ///< of frames that are not needed any more
  io::RgbImage image{};         ///< scratch
  Bytes batch{};                ///< inputs to encode next
  std::vector<std::int64_t> batch_inputs{};
  std::vector<float> batch_outputs{};
  std::vector<float> outputs{};  ///< [inputs, numbers]
  std::int64_t inputs_done = 0;

  void go_on() const {
    if (owner.abandon_) throw EncodingAbandoned();
  }

  bool next(io::VideoReader& reader) {
    go_on();
    const Stopwatch watch(work.times.decoding);
    const bool found = reader.next();
    if (found) ++work.decoded;
    return found;
  }

  Bytes prepared(const io::VideoReader& reader) {
    const Stopwatch watch(work.times.preparing);
    Bytes frame;
    if (!room.empty()) {
      frame = std::move(room.back());
      room.pop_back();
    }
    frame.resize(frame_bytes);
    reader.convert(image);
    owner.preparation_.prepare(image, reader.properties().rotation, frame);
    return frame;
  }

  /// Counts the frames, and keeps them while they are few.
  void count() {
    io::VideoReader reader(file);
    DecodingFacts& facts = video.decoding;
    facts.header_frames = reader.properties().header_frames;
    bool keeps = facts.header_frames.value_or(0) <= owner.most_kept_;
    while (next(reader)) {
      times.push_back(reader.time());
      if (keeps && std::ssize(times) > owner.most_kept_) {
        keeps = false;
        room = std::exchange(kept, {});
      }
      if (keeps) kept.push_back(prepared(reader));
    }
    facts.frames = reader.frames();
    facts.bad_packets = reader.bad_packets();
    facts.damaged_frames = reader.damaged_frames();
    facts.steps_back = reader.steps_back();
    if (facts.frames == 0) {
      throw io::VideoError(
          fmt::format("found no frame that decodes ({} bad packets); expected at least one; get another copy of the "
                      "file",
                      facts.bad_packets));
    }
  }

  void encode(const Inputs& inputs) {
    outputs.resize(static_cast<std::size_t>(inputs.count()) * numbers);
    for (const Pass& pass : passes_of(inputs)) {
      if (kept.empty()) {
        decode_again(inputs, pass);
      } else {
        std::size_t done = 0;
        const auto frame_of = [this](std::int64_t frame) -> const Bytes& {
          return kept[static_cast<std::size_t>(frame)];
        };
        while (done < pass.inputs.size()) add_to_batch(inputs, pass.inputs[done++], frame_of);
      }
    }
    encode_batch();
  }

  void decode_again(const Inputs& inputs, const Pass& pass) {
    std::unordered_map<std::int64_t, Bytes> frames;
    for (const Pass::Use& use : pass.uses) frames.try_emplace(use.frame);
    io::VideoReader reader(file);
    std::size_t done = 0, let_go = 0;
    const auto frame_of = [&](std::int64_t frame) -> const Bytes& { return frames.at(frame); };
    for (std::int64_t frame = 0; frame <= pass.last_frame(); ++frame) {
      if (!next(reader)) {
        throw io::VideoError(
            fmt::format("found {} frames when it was decoded again; expected {} as the first time; see that nothing "
                        "writes to the file",
                        frame, video.decoding.frames));
      }
      const auto needed = frames.find(frame);
      if (needed == frames.end()) continue;
      needed->second = prepared(reader);
      while (done < pass.inputs.size() && last_of(inputs.of(pass.inputs[done])) == frame) {
        add_to_batch(inputs, pass.inputs[done++], frame_of);
      }
      for (; let_go < pass.uses.size() && pass.uses[let_go].last == frame; ++let_go) {
        const auto last_used = frames.find(pass.uses[let_go].frame);
        room.push_back(std::move(last_used->second));
        frames.erase(last_used);
      }
    }
  }

  template <typename FrameOf>
  void add_to_batch(const Inputs& inputs, std::int64_t input, const FrameOf& frame_of) {
    batch_inputs.push_back(input);
    for (const std::int64_t frame : inputs.of(input)) {
      const Bytes& pixels = frame_of(frame);
      batch.insert(batch.end(), pixels.begin(), pixels.end());
    }
    if (std::ssize(batch_inputs) == owner.rule_.batch) encode_batch();
  }

  /// `inputs` more are encoded.
  void count_parts(std::int64_t inputs) {
    const auto all = static_cast<std::int64_t>(outputs.size() / numbers);
    const auto parts_of = [&](std::int64_t some) { return EncodingWork::kWhole * some / all; };
    work.parts += parts_of(inputs_done + inputs) - parts_of(inputs_done);
    inputs_done += inputs;
  }

  void encode_batch() {
    if (batch_inputs.empty()) return;
    go_on();
    batch_outputs.resize(batch_inputs.size() * numbers);
    {
      const Stopwatch watch(work.times.encoding);
      owner.encoder_.encode(batch, std::ssize(batch_inputs), batch_outputs);
    }
    count_parts(std::ssize(batch_inputs));
    for (std::size_t n = 0; n < batch_inputs.size(); ++n) {
      const auto output = batch_outputs.begin() + static_cast<std::ptrdiff_t>(n * numbers);
      std::copy_n(output, numbers, outputs.begin() + batch_inputs[n] * static_cast<std::ptrdiff_t>(numbers));
    }
    batch.clear();
    batch_inputs.clear();
  }

  /// The outputs of a frame encoder become those of windows: means over the frames of each, in f64.
  void average(const WindowPlan& plan, const Inputs& inputs) {
    std::vector<float> of_windows(static_cast<std::size_t>(plan.windows()) * numbers);
    std::vector<double> sums(numbers);
    for (std::int64_t window = 0; window < plan.windows(); ++window) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t j = 0; j < plan.frames; ++j) {
        const std::int64_t frame = plan.frame_of_window[static_cast<std::size_t>(window * plan.frames + j)];
        const auto place = std::lower_bound(inputs.frames.begin(), inputs.frames.end(), frame) - inputs.frames.begin();
        const float* output = outputs.data() + static_cast<std::size_t>(place) * numbers;
        for (std::size_t number = 0; number < numbers; ++number) sums[number] += static_cast<double>(output[number]);
      }
      float* mean = of_windows.data() + static_cast<std::size_t>(window) * numbers;
      for (std::size_t number = 0; number < numbers; ++number) {
        mean[number] = static_cast<float>(sums[number] / plan.frames);
      }
    }
    outputs = std::move(of_windows);
  }

  /// Rows of the outputs of windows: all features, then all logits that are kept.
  void arrange(const WindowPlan& plan) {
    const auto features = static_cast<std::size_t>(description.features);
    video.rows.reserve(plan.window_of_row.size() * numbers);
    const auto windows = static_cast<std::size_t>(plan.windows_of_a_row);
    for (std::size_t row = 0; row < static_cast<std::size_t>(plan.rows()); ++row) {
      const std::span<const std::int64_t> of_row = std::span(plan.window_of_row).subspan(row * windows, windows);
      for (const bool logits : {false, true}) {
        if (logits && !owner.rule_.keeps_logits) continue;
        for (const std::int64_t window : of_row) {
          const float* output = outputs.data() + static_cast<std::size_t>(window) * numbers;
          video.rows.insert(video.rows.end(), output + (logits ? features : 0), output + (logits ? numbers : features));
        }
      }
      video.timestamps.push_back(times[static_cast<std::size_t>(plan.middle_frame[row])]);
    }
  }

  void require_finite() const {
    const auto bad =
        std::find_if(video.rows.begin(), video.rows.end(), [](float value) { return !std::isfinite(value); });
    if (bad == video.rows.end()) return;
    const auto place = static_cast<std::size_t>(bad - video.rows.begin());
    const std::size_t width = video.rows.size() / video.timestamps.size();
    throw io::VideoError(fmt::format(
        "found that the encoder gives {} in row {}, feature {}; expected finite numbers; look at the video, "
        "or encode in f32",
        *bad, place / width, place % width));
  }
};

VideoEncoding::VideoEncoding(const Encoder& encoder, EncodingRule rule, const std::atomic<bool>& abandon)
    : encoder_(encoder),
      rule_(std::move(rule)),
      abandon_(abandon),
      preparation_(encoder.description().size, encoder.description().resize) {
  // Where only some frames are needed, a second look costs less than preparing the others.
  constexpr std::int64_t kLongVideo = std::int64_t{1} << 40;
  most_kept_ = rule_.windows.kind == WindowRule::Kind::kMulti
                   ? kMostFrames
                   : std::min(kMostFrames, std::ssize(different_frames(plan_windows(rule_.windows, kLongVideo))));
}

EncodedVideo VideoEncoding::encode(const std::filesystem::path& file, EncodingWork& work) const {
  Course course{*this, file, work};
  course.count();
  const WindowPlan plan = plan_windows(rule_.windows, course.video.decoding.frames);
  const EncoderKind kind = encoder_.description().kind;
  const Inputs inputs = inputs_of(plan, kind);
  course.encode(inputs);
  if (kind == EncoderKind::kFrame) course.average(plan, inputs);
  course.arrange(plan);
  course.require_finite();
  return std::move(course.video);
}

}  // namespace alignment::encoding
