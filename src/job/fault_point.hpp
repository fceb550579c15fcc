#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace alignment {

/// Places at which a rank's failure is of interest.
enum class FaultPoint : std::uint8_t { kEpoch, kCompute, kGradient, kUpdate, kEvaluate, kCheckpoint };

/// Training calls this at every such place. Programs link a definition that does nothing. Tests link one that makes a
/// rank fail at the place and `step` (of the optimizer, counted since training began) that they ask for, or damages
/// `values`, the numbers that the rank is about to use there.
void fault_point(FaultPoint point, std::int64_t step, std::span<std::byte> values = {});

}  // namespace alignment
