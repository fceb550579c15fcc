#pragma once

namespace alignment::lrprop {

/// For programs, once: what a step frees stays with the process. The next takes it again, and the system need not clear
/// it every time.
void keep_freed_memory();

}  // namespace alignment::lrprop
