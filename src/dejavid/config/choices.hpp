#pragma once

#include <cstdint>

#include "kernels/loss.hpp"
#include "src/config/choices.hpp"

/// What keys of DejaVid's configuration choose between.
namespace alignment::dejavid {

enum class WeightInit : std::uint8_t { kOne, kRandom };
enum class Refresh : std::uint8_t { kEpoch, kBatch };
enum class PathPrecision : std::uint8_t { kF32, kF16, kI8 };
enum class GradientPrecision : std::uint8_t { kF32, kF16 };
enum class Profile : std::uint8_t { kPaper, kDejavidCode };
using kernels::LogitNorm;
enum class EvalPaths : std::uint8_t { kCurrent, kFrozen };

}  // namespace alignment::dejavid

namespace alignment {

template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<dejavid::WeightInit>{"one", "random"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<dejavid::Refresh>{"epoch", "batch"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<dejavid::PathPrecision>{"f32", "f16", "i8"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<dejavid::GradientPrecision>{"f32", "f16"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<dejavid::Profile>{"paper", "dejavid-code"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<dejavid::LogitNorm>{"layernorm", "none", "log"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<dejavid::EvalPaths>{"current", "frozen"};

}  // namespace alignment
