#include "src/lrprop/evaluation/action.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

#include "io/bytes/first_few.hpp"
#include "io/errors.hpp"

namespace alignment::lrprop {
namespace {

template <typename Real>
struct ActionVideos {
  std::vector<Sequence<Real>> train;   ///< labelled
  std::vector<Sequence<Real>> judged;  ///< labelled or not
};

template <typename Video>
void require_usable(const Video& video, std::int64_t width) {
  const auto refuse = [&](const std::string& found) {
    throw std::invalid_argument("video " + video.id + ": " + found);
  };
  if (video.width < 1 || video.width != width) {
    refuse(fmt::format("found {} numbers a frame; expected {} as in the first video", video.width, width));
  }
  if (video.rows.size() % static_cast<std::size_t>(width) != 0) {
    refuse(fmt::format("found {} numbers; expected a multiple of the width {}", video.rows.size(), width));
  }
  if (!video.frame_labels.empty() && std::ssize(video.frame_labels) != video.frames()) {
    refuse(fmt::format("found {} frame labels; expected one for each of {} frames", video.frame_labels.size(),
                       video.frames()));
  }
  for (std::size_t n = 0; n < video.rows.size(); ++n) {
    if (std::isfinite(video.rows[n])) continue;
    throw io::NotFiniteError(fmt::format(
        "embedding of video {}: found {} in frame {}, number {}; expected finite numbers; check the model's weights",
        video.id, video.rows[n], n / static_cast<std::size_t>(width), n % static_cast<std::size_t>(width)));
  }
}

/// Sorts the videos of an action into those that count; says which do not.
template <typename Real, typename Video>
ActionVideos<Real> choose(const std::vector<const Video*>& videos, const EvaluationSettings& settings, Action& action) {
  ActionVideos<Real> chosen;
  io::FirstFew without_frames, without_labels;
  std::set<std::int32_t> phases;
  for (const Video* video : videos) {
    for (const std::int32_t label : video->frame_labels) {
      if (label >= 0) phases.insert(label);
    }
    const bool judged = video->split == settings.split, train = video->split == io::Split::kTrain;
    if (!judged && !train) continue;
    Sequence<Real> sequence(*video);
    if (sequence.frames() == 0) {
      without_frames.add(video->id);
      continue;
    }
    if (!sequence.labelled()) without_labels.add(video->id);
    if (judged && train) chosen.train.push_back(Sequence<Real>(*video));
    (judged ? chosen.judged : chosen.train).push_back(std::move(sequence));
  }
  action.phases.assign(phases.begin(), phases.end());
  action.result.phases = static_cast<std::int32_t>(phases.size());
  std::erase_if(chosen.train, [](const Sequence<Real>& video) { return !video.labelled(); });
  if (without_frames.count() > 0) {
    action.note(fmt::format("left out of all numbers for want of a labelled frame: {}", without_frames.text()));
  }
  const auto is_labelled = [](const Sequence<Real>& video) { return video.labelled(); };
  action.without_phases = chosen.train.empty() && std::none_of(chosen.judged.begin(), chosen.judged.end(), is_labelled);
  if (without_labels.count() > 0 && !action.without_phases) {
    action.note(fmt::format("left out of all numbers but tau for want of frame labels: {}", without_labels.text()));
  }
  return chosen;
}

template <typename Real>
void count(const ActionVideos<Real>& videos, const EvaluationSettings& settings, Action& action) {
  action.train_videos = action.result.train_videos = std::ssize(videos.train);
  action.judged_videos = action.result.videos = std::ssize(videos.judged);
  for (const Sequence<Real>& video : videos.train) action.result.train_frames += video.frames();
  std::int64_t all = 0, most = 0;
  for (const Sequence<Real>& video : videos.judged) {
    action.result.frames += video.frames();
    if (!video.labelled()) continue;
    ++action.labelled_videos;
    const std::int64_t strided = (video.frames() + settings.stride - 1) / settings.stride;
    all += strided;
    most = std::max(most, strided);
  }
  action.fewest_others = all - most;
}

template <typename Real, typename Video>
Action make_action(std::int32_t label, const std::vector<const Video*>& videos, const EvaluationSettings& settings) {
  Action action;
  action.label = label;
  action.result.name = settings.action_name(label);
  const auto chosen = std::make_shared<const ActionVideos<Real>>(choose<Real>(videos, settings, action));
  count(*chosen, settings, action);
  action.train = [chosen](const std::vector<std::int64_t>& train_videos) {
    PooledFrames frames;
    for (const std::int64_t video : train_videos) frames.add(chosen->train[static_cast<std::size_t>(video)]);
    return frames;
  };
  action.judged = [chosen] {
    PooledFrames frames;
    for (const Sequence<Real>& video : chosen->judged) {
      if (video.labelled()) frames.add(video);
    }
    return frames;
  };
  action.compare_all = [chosen, &settings](WorkWatch& watch, dist::Communicator& communicator) {
    return lrprop::compare_all(chosen->judged, settings, watch, communicator);
  };
  return action;
}

template <typename Real, typename Video>
std::vector<Action> split(const std::vector<Video>& videos, const EvaluationSettings& settings) {
  std::map<std::int32_t, std::vector<const Video*>> by_label;
  for (const Video& video : videos) {
    require_usable(video, videos.front().width);
    by_label[video.label].push_back(&video);
  }
  std::vector<Action> actions;
  actions.reserve(by_label.size());
  for (const auto& [label, of_label] : by_label) actions.push_back(make_action<Real>(label, of_label, settings));
  return actions;
}

}  // namespace

std::vector<Action> split_into_actions(const Embedding& embedding, const EvaluationSettings& settings) {
  if (const auto* videos = std::get_if<const std::vector<EmbeddedVideo>*>(&embedding.videos)) {
    return split<float>(**videos, settings);
  }
  return split<double>(*std::get<const std::vector<PreciseVideo>*>(embedding.videos), settings);
}

}  // namespace alignment::lrprop
