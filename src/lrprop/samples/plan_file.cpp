#include "src/lrprop/samples/plan_file.hpp"

#include <fmt/format.h>

#include "io/archive.hpp"
#include "io/errors.hpp"
#include "io/integer_arrays.hpp"

namespace alignment::lrprop {
namespace {

constexpr std::int64_t kViews = 4;

/// The frames of view `view` of step `step`.
FrameIndices view_of(const std::filesystem::path& file, const io::IntegerArray& offsets, const io::IntegerArray& frames,
                     std::int64_t step, std::int64_t view, std::int64_t length, std::int64_t most_frames) {
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    throw io::StoreError(fmt::format("{}: step {}, view {}: found {}; expected {}; make the plan again", file.string(),
                                     step, view, found, expected));
  };
  const auto at = static_cast<std::size_t>(kViews * step + view);
  const std::int64_t first = offsets.values[at], last = offsets.values[at + 1];
  const auto total = static_cast<std::int64_t>(frames.values.size());
  if (first < 0 || last < first || last > total) {
    refuse(fmt::format("offsets {} to {}", first, last), fmt::format("ascending ones up to {}", total));
  }
  if (last - first < 2 || last - first > most_frames) {
    refuse(fmt::format("{} frames", last - first), fmt::format("2 to {} (train.frames)", most_frames));
  }
  FrameIndices view_frames(frames.values.begin() + first, frames.values.begin() + last);
  for (std::size_t n = 0; n < view_frames.size(); ++n) {
    if (view_frames[n] < 0 || view_frames[n] >= length) {
      refuse(fmt::format("frame {}", view_frames[n]), fmt::format("0 to {}, the video's", length - 1));
    }
    if (n > 0 && view_frames[n] <= view_frames[n - 1]) {
      refuse(fmt::format("frame {} behind {}", view_frames[n], view_frames[n - 1]), "ascending frames");
    }
  }
  return view_frames;
}

}  // namespace

std::vector<PairViews> read_plan(const std::filesystem::path& file, const io::TseStore& store,
                                 std::int64_t most_frames) {
  const std::vector<io::IntegerArray> arrays =
      io::read_integer_arrays(file, "plan file", {"pair", "offsets", "frames"});
  const io::IntegerArray &pairs = arrays[0], &offsets = arrays[1], &frames = arrays[2];
  if (pairs.shape.size() != 2 || pairs.shape[1] != 2 || pairs.shape[0] < 1) {
    throw io::StoreError(fmt::format("{}:pair: found shape {}; expected [S,2], a row a step; make the plan again",
                                     file.string(), io::shape_text(pairs.shape)));
  }
  const std::int64_t steps = pairs.shape[0];
  if (offsets.shape != std::vector<std::int64_t>{kViews * steps + 1}) {
    throw io::StoreError(
        fmt::format("{}:offsets: found shape {}; expected [{}], four views a step; make the plan again", file.string(),
                    io::shape_text(offsets.shape), kViews * steps + 1));
  }
  if (frames.shape.size() != 1) {
    throw io::StoreError(fmt::format("{}:frames: found shape {}; expected one dimension; make the plan again",
                                     file.string(), io::shape_text(frames.shape)));
  }
  std::vector<PairViews> plan(static_cast<std::size_t>(steps));
  for (std::int64_t step = 0; step < steps; ++step) {
    PairViews& pair = plan[static_cast<std::size_t>(step)];
    for (std::size_t side = 0; side < 2; ++side) {
      const std::int64_t video = pairs.values[static_cast<std::size_t>(2 * step) + side];
      if (video < 0 || video >= store.sample_count()) {
        throw io::StoreError(
            fmt::format("{}:pair: step {}: found video {}; expected 0 to {}, as the store has; make "
                        "the plan for this store",
                        file.string(), step, video, store.sample_count() - 1));
      }
      pair.videos[side] = video;
      for (std::size_t view = 2 * side; view < 2 * side + 2; ++view) {
        pair.frames[view] =
            view_of(file, offsets, frames, step, static_cast<std::int64_t>(view), store.length(video), most_frames);
      }
    }
  }
  return plan;
}

}  // namespace alignment::lrprop
