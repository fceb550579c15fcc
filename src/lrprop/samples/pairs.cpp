#include "src/lrprop/samples/pairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "io/bytes/digest.hpp"
#include "io/errors.hpp"
#include "src/training/samples/random.hpp"

namespace alignment::lrprop {
namespace {

/// `videos` in an order drawn from the key.
std::vector<std::int64_t> shuffled(std::vector<std::int64_t> videos, Random random) {
  const auto count = static_cast<std::int64_t>(videos.size());
  std::vector<std::int64_t> order;
  order.reserve(videos.size());
  for (const std::int64_t at : random.draw(count, count)) order.push_back(videos[static_cast<std::size_t>(at)]);
  return order;
}

/// What both kinds of pairs tell of themselves.
class PairsOfStore : public PairCurriculum {
 public:
  explicit PairsOfStore(const io::TseStore& store) : store_(store) {}
  [[nodiscard]] std::vector<std::string> ids(std::int64_t unit) const override {
    const std::array<std::int64_t, 2> pair = videos(unit);
    return {store_.id(pair[0]), store_.id(pair[1])};
  }
  [[nodiscard]] std::string describe(std::int64_t unit) const override {
    const std::array<std::int64_t, 2> pair = videos(unit);
    return fmt::format("{} with {}", store_.describe(pair[0]), store_.id(pair[1]));
  }

 protected:
  [[nodiscard]] const io::TseStore& store() const { return store_; }

 private:
  const io::TseStore& store_;
};

/// Unit A * N + B.
class DrawnPairs final : public PairsOfStore {
 public:
  DrawnPairs(const io::TseStore& store, const Config& config)
      : PairsOfStore(store),
        sampler_(config.train.sampler),
        frames_(config.train.frames),
        seed_(static_cast<std::uint64_t>(config.train.seed)) {
    for (const std::int64_t video : store.samples_of(io::Split::kTrain)) {
      if (store.label(video) == io::kNoLabel) continue;
      if (store.length(video) < 2) {
        throw io::StoreError(
            fmt::format("{}: found a training video of one frame; expected at least two, of which "
                        "views are drawn; leave it out of the store, or give it another split",
                        store.describe(video)));
      }
      actions_[store.label(video)].push_back(video);
    }
    for (const auto& [label, videos] : actions_) size_ += static_cast<std::int64_t>(videos.size() / 2);
    if (size_ == 0) {
      throw io::StoreError(
          fmt::format("{}: found no two training videos of one action; expected pairs to align; give them labels and "
                      "the train split (clips: a folder for each action, or a table)",
                      store.describe(0)));
    }
  }

  [[nodiscard]] std::int64_t size() const override { return size_; }
  [[nodiscard]] std::vector<std::int64_t> order(std::uint64_t seed, std::int64_t epoch) const override {
    std::vector<std::int64_t> units;
    const auto of_epoch = static_cast<std::uint64_t>(epoch);
    for (const auto& [label, videos] : actions_) {
      constexpr std::uint64_t kPartners = 0x7061697273U;  // "pairs": a stream of its own
      const std::vector<std::int64_t> partners =
          shuffled(videos, Random{seed, kPartners, of_epoch, static_cast<std::uint64_t>(label)});
      for (std::size_t n = 0; n + 1 < partners.size(); n += 2) {
        units.push_back(partners[n] * store().sample_count() + partners[n + 1]);
      }
    }
    constexpr std::uint64_t kOrder = 0x6F72646572U;  // "order"
    return shuffled(std::move(units), Random{seed, kOrder, of_epoch});
  }
  [[nodiscard]] std::int64_t work(std::int64_t unit) const override {
    const std::array<std::int64_t, 2> pair = videos(unit);
    return std::min(store().length(pair[0]), frames_) + std::min(store().length(pair[1]), frames_);
  }
  [[nodiscard]] std::array<std::int64_t, 2> videos(std::int64_t unit) const override {
    return {unit / store().sample_count(), unit % store().sample_count()};
  }
  [[nodiscard]] PairViews views(std::int64_t unit, std::int64_t epoch) const override {
    PairViews pair;
    pair.videos = videos(unit);
    for (std::size_t side = 0; side < 2; ++side) {
      auto views = draw_views(sampler_, store().length(pair.videos[side]), frames_, {seed_, epoch, pair.videos[side]});
      std::move(views.begin(), views.end(), pair.frames.begin() + static_cast<std::ptrdiff_t>(2 * side));
    }
    return pair;
  }
  [[nodiscard]] std::int64_t draw_number(std::int64_t, std::int64_t epoch) const override { return epoch; }
  [[nodiscard]] std::optional<std::uint64_t> plan_identity() const override { return std::nullopt; }

 private:
  Sampler sampler_;
  std::int64_t frames_;
  std::uint64_t seed_;
  std::map<std::int32_t, std::vector<std::int64_t>> actions_;  ///< training videos of each
  std::int64_t size_ = 0;
};

/// Unit s is step s of the plan.
class PlannedPairs final : public PairsOfStore {
 public:
  PlannedPairs(const io::TseStore& store, std::vector<PairViews> plan) : PairsOfStore(store), plan_(std::move(plan)) {}

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(plan_.size()); }
  [[nodiscard]] std::vector<std::int64_t> order(std::uint64_t, std::int64_t) const override {
    std::vector<std::int64_t> units(plan_.size());
    std::iota(units.begin(), units.end(), 0);
    return units;
  }
  [[nodiscard]] std::int64_t work(std::int64_t unit) const override {
    std::size_t frames = 0;
    for (const FrameIndices& view : at(unit).frames) frames += view.size();
    return static_cast<std::int64_t>(frames);
  }
  [[nodiscard]] std::array<std::int64_t, 2> videos(std::int64_t unit) const override { return at(unit).videos; }
  [[nodiscard]] PairViews views(std::int64_t unit, std::int64_t) const override { return at(unit); }
  [[nodiscard]] std::int64_t draw_number(std::int64_t unit, std::int64_t epoch) const override {
    return epoch * size() + unit;
  }
  [[nodiscard]] std::optional<std::uint64_t> plan_identity() const override {
    io::Digest digest;
    for (const PairViews& pair : plan_) {
      digest.add(pair.videos.data(), sizeof(pair.videos));
      for (const FrameIndices& view : pair.frames) {
        digest.add(static_cast<std::int64_t>(view.size()));
        digest.add(view);
      }
    }
    return digest.value();
  }

 private:
  [[nodiscard]] const PairViews& at(std::int64_t unit) const { return plan_[static_cast<std::size_t>(unit)]; }

  std::vector<PairViews> plan_;
};

}  // namespace

std::unique_ptr<PairCurriculum> drawn_pairs(const io::TseStore& store, const Config& config) {
  return std::make_unique<DrawnPairs>(store, config);
}

std::unique_ptr<PairCurriculum> planned_pairs(const io::TseStore& store, std::vector<PairViews> plan) {
  return std::make_unique<PlannedPairs>(store, std::move(plan));
}

}  // namespace alignment::lrprop
