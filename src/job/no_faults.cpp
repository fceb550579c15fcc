#include "src/job/fault_point.hpp"

namespace alignment {

void fault_point(FaultPoint, std::int64_t, std::span<std::byte>) {}

}  // namespace alignment
