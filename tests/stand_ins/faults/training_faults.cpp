// What src/job/no_faults.cpp is in the programs that users run: kinds beyond those of strike() are throw, nan and flip.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "src/job/fault_point.hpp"
#include "tests/stand_ins/faults/fault.hpp"

namespace alignment {
namespace {

constexpr std::array<const char*, 6> kNames{"epoch", "compute", "gradient", "update", "evaluate", "checkpoint"};

void damage(std::span<std::byte> values, const std::string& kind) {
  const std::size_t middle = values.size() / 16 * 8;
  if (kind == "nan") {
    std::memset(values.data() + middle, 0xFF, sizeof(double));  // a NaN as one double and as two floats
  } else if (kind == "flip") {
    values[middle + 6] ^= std::byte{0x08};  // high in the mantissa of a double, and of a float
  } else {
    std::fprintf(stderr, "DEJAVID_FAULT: found kind \"%s\"; expected one that is known\n", kind.c_str());
    std::abort();
  }
}

}  // namespace

void fault_point(FaultPoint point, std::int64_t step, std::span<std::byte> values) {
  static bool struck = false;
  const faults::Fault& fault = faults::asked_for();
  const char* const name = kNames[static_cast<std::size_t>(point)];
  if (struck || fault.place != name || fault.number != step) return;
  struck = true;
  const std::string where = std::string(name) + " of step " + std::to_string(step);
  faults::announce(where);
  if (faults::strike(fault.kind)) return;
  if (fault.kind == "throw") throw std::runtime_error("a failure made up for a test at " + where);
  damage(values, fault.kind);
}

}  // namespace alignment
