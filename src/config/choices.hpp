#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "src/config/config.hpp"

namespace alignment {

/// The names of an enumeration's values, in the order of the values: as they stand in TOML and on the command line.
template <typename Choice>
inline constexpr std::array<std::string_view, 0> kChoiceNames{};

template <>
inline constexpr std::array<std::string_view, 4> kChoiceNames<CacheChoice>{"auto", "none", "memory", "device"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<BadSamples>{"refuse", "skip"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<WeightInit>{"one", "random"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<Refresh>{"epoch", "batch"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<PathPrecision>{"f32", "f16", "i8"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<GradientPrecision>{"f32", "f16"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<Profile>{"paper", "dejavid-code"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<LogitNorm>{"layernorm", "none"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<EvalPaths>{"current", "frozen"};
template <>
inline constexpr std::array<std::string_view, 4> kChoiceNames<EvalSplit>{"auto", "train", "val", "test"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<DeviceChoice>{"auto", "cpu", "cuda"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<BackendChoice>{"auto", "mpi", "nccl"};
template <>
inline constexpr std::array<std::string_view, 4> kChoiceNames<ProgressChoice>{"auto", "bar", "plain", "off"};

/// The name of a value: choice_name(Refresh::kEpoch) is "epoch".
template <typename Choice>
[[nodiscard]] constexpr std::string_view choice_name(Choice choice) {
  static_assert(!kChoiceNames<Choice>.empty(), "not an enumeration of the configuration");
  return kChoiceNames<Choice>[static_cast<std::size_t>(choice)];
}

}  // namespace alignment
