#pragma once

#include <torch/csrc/jit/api/module.h>

namespace alignment::encoding {

/// A traced network keeps as constants what its convolutions were allowed where it was traced, whatever LibTorch is
/// told later. Has them compute in f32, not TF32, by an algorithm that always gives the same bits and does not hang on
/// what was timed. Returns how many convolutions there are. Before the first forward().
std::size_t make_convolutions_plain(torch::jit::Module& module);

}  // namespace alignment::encoding
