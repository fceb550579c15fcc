#include "src/lrprop/evaluation/settings.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace alignment::lrprop {
namespace {

void require(bool usable, const std::string& found_and_expected) {
  if (!usable) throw std::invalid_argument("evaluation: found " + found_and_expected);
}

}  // namespace

void EvaluationSettings::require_usable() const {
  require(stride >= 1, fmt::format("a stride of {}; expected 1 or more", stride));
  require(dtw_stride >= 1, fmt::format("a DTW stride of {}; expected 1 or more", dtw_stride));
  require(svm_frames >= 0, fmt::format("{} frames for support vector machines; expected 0 (all) or more", svm_frames));
  require(subsets >= 0, fmt::format("{} random subsets; expected 0 or more", subsets));
  require(threads >= 1, fmt::format("{} threads; expected 1 or more", threads));
  for (const double fraction : fractions) {
    require(fraction > 0 && fraction <= 1, fmt::format("a fraction of {}; expected more than 0, at most 1", fraction));
  }
  for (const std::int64_t nearest : k) require(nearest >= 1, fmt::format("K = {}; expected 1 or more", nearest));
}

std::string EvaluationSettings::action_name(std::int32_t label) const {
  const auto place = static_cast<std::size_t>(label);
  return label >= 0 && place < action_names.size() ? action_names[place] : fmt::format("action {}", label);
}

}  // namespace alignment::lrprop
