#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace alignment {

/// Places at which a rank's failure is of interest.
enum class FaultPoint : std::uint8_t { kEpoch, kCompute, kGradient, kUpdate, kEvaluate, kCheckpoint };

/// A place that training passes, for tests to make a rank fail there; programs link the one that does nothing.
/// `step` counts optimizer steps since training began; `values` are what the place is about, for damage.
void pass(FaultPoint point, std::int64_t step, std::span<std::byte> values = {});

}  // namespace alignment
