#pragma once

// A fault that DEJAVID_FAULT asks for, as "place:rank:number:kind".

#include <cstdint>
#include <string>
#include <string_view>

namespace alignment::faults {

struct Fault {
  std::string place;        ///< a FaultPoint (epoch, compute, gradient, update, evaluate, checkpoint) or a system call
  int rank = 0;             ///< the rank it strikes
  std::int64_t number = 0;  ///< the training step, or which of the calls (from 1)
  std::string kind;
};

/// What was asked for; its place is empty where nothing was, or where it is meant for another rank. Aborts on a fault
/// that is not spelled like one.
[[nodiscard]] const Fault& asked_for();

/// From now on this fault, whatever DEJAVID_FAULT says; no rank is looked at.
void ask_for(Fault fault);

/// Whether a system call has met the fault.
[[nodiscard]] bool has_struck();
void note_strike();

/// One line on stderr, by a system call of its own, so that a test can tell that the fault struck.
void announce(std::string_view where);

/// Kinds that strike anywhere: kill, stop, segv, hang, term, usr2, exit. False for any other.
bool strike(std::string_view kind);

}  // namespace alignment::faults
