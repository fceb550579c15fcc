#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <torch/csrc/jit/api/module.h>

/// A traced network keeps as constants where and how it was traced, whatever LibTorch and its weights are told later:
/// devices and types of the numbers that it makes or converts while it runs, and what its convolutions were allowed.
/// Each of these changes one of them and returns at how many places. Before the module's first forward(), as what runs
/// then is made once.
namespace alignment::encoding {

/// Convolutions compute in f32, not TF32, by an algorithm that always gives the same bits and does not hang on what was
/// timed.
std::size_t make_convolutions_plain(torch::jit::Module& module);

/// Numbers are made on `device`.
std::size_t set_device_of_constants(torch::jit::Module& module, c10::Device device);

/// What was to be f32 is of `type`, and so are floating constants with an axis or more.
std::size_t set_type_of_constants(torch::jit::Module& module, c10::ScalarType type);

}  // namespace alignment::encoding
