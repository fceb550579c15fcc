#pragma once

#include <cstdint>
#include <vector>

#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/record.hpp"

namespace alignment::dejavid::bench {

/// The kernels of two videos of `lengths` frames each, as embeddings of `widths` numbers: every instruction set on one
/// thread, compared with the reference, then timed beside it, turn by turn. Tables of distances are those of the first
/// width. Throws std::runtime_error where one disagrees.
///
///   soft_dtw           r alone
///   soft_dtw_gradient  r and the expected alignment
///   dtw                the path
///   distances          [n,m] in f32
///   compare_rows       each frame's nearest of the other video, in f64
///
/// Seconds are processor time: all runs on the calling thread, and others' work then disturbs it less. An element is a
/// cell of the table, or a feature of one. A record's `times_reference` is the median over the turns of
/// the reference's time over its own.
[[nodiscard]] std::vector<Record> measure_alignment_kernels(const std::vector<std::int64_t>& lengths,
                                                            const std::vector<std::int64_t>& widths,
                                                            const Patience& patience);

}  // namespace alignment::dejavid::bench
