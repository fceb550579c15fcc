#pragma once

#include <cstdint>

#include "src/config/choices.hpp"

/// What keys of LRProp's configuration choose between.
namespace alignment::lrprop {

enum class LayerInit : std::uint8_t { kIndependent, kCloned };
enum class SdtwReduction : std::uint8_t { kSum, kMean };
enum class Regularizer : std::uint8_t { kNone, kContrastiveIdm };
enum class Sampler : std::uint8_t { kCarlCode, kCarlPaper };
enum class Schedule : std::uint8_t { kCosine, kConstant, kCarl };
enum class BatchNorm : std::uint8_t { kSynced, kLocal };
enum class Profile : std::uint8_t { kRecommended, kPaper, kCarl };

}  // namespace alignment::lrprop

namespace alignment {

template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<lrprop::LayerInit>{"independent", "cloned"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<lrprop::SdtwReduction>{"sum", "mean"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<lrprop::Regularizer>{"none", "contrastive-idm"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<lrprop::Sampler>{"carl_code", "carl_paper"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<lrprop::Schedule>{"cosine", "constant", "carl"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<lrprop::BatchNorm>{"synced", "local"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<lrprop::Profile>{"recommended", "paper", "carl"};

}  // namespace alignment
