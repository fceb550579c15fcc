#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/samples/views.hpp"
#include "src/training/samples/curriculum.hpp"

namespace alignment::lrprop {

/// Which videos are trained on together: units are pairs.
class PairCurriculum : public Curriculum {
 public:
  [[nodiscard]] std::string unit_name() const override { return "pairs"; }
  [[nodiscard]] std::string step_size_key() const override { return "train.pairs_per_step"; }
  /// Samples of a unit's two videos.
  [[nodiscard]] virtual std::array<std::int64_t, 2> videos(std::int64_t unit) const = 0;
  /// They, and the frames of both that are seen in that epoch: a function of the seed.
  [[nodiscard]] virtual PairViews views(std::int64_t unit, std::int64_t epoch) const = 0;
  /// What dropout is drawn from beside seed, video and view: the same for no two steps that see a video.
  [[nodiscard]] virtual std::int64_t draw_number(std::int64_t unit, std::int64_t epoch) const = 0;
  /// XXH64 of the plan's videos and frames; none where pairs are drawn.
  [[nodiscard]] virtual std::optional<std::uint64_t> plan_identity() const = 0;
};

/// Pairs within each action, every training video in at most one of an epoch; of an odd number another one is left out
/// every epoch. `store` must outlive it. Refuses a store without two training videos of an action, and a training video
/// of a single frame. Throws io::StoreError.
[[nodiscard]] std::unique_ptr<PairCurriculum> drawn_pairs(const io::TseStore& store, const Config& config);

/// The steps of a plan, one after the other. `store` must outlive it.
[[nodiscard]] std::unique_ptr<PairCurriculum> planned_pairs(const io::TseStore& store, std::vector<PairViews> plan);

}  // namespace alignment::lrprop
