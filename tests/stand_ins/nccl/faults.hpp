#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace alignment::nccl_stand_in {

/// Whether DEJAVID_NCCL_FAULT asks for `kind` on this rank, at the collective of this number (from 1; 0: not about
/// one).
[[nodiscard]] bool fault(std::string_view kind, int rank, std::uint64_t number = 0);

/// DEJAVID_NCCL_DELAY_MS.
[[nodiscard]] std::chrono::milliseconds delay();
/// DEJAVID_NCCL_CALL_US.
[[nodiscard]] std::chrono::microseconds time_of_a_call();

}  // namespace alignment::nccl_stand_in
