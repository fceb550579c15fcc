#include "src/dejavid/adamw.hpp"

// LibTorch carries headers of another fmt: nothing that formats text may be included here.
#include <ATen/Parallel.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>

namespace dejavid {

AdamW::AdamW(std::size_t count, double weight_decay)
    : weight_decay_(weight_decay), first_moment_(count), second_moment_(count) {}

void AdamW::update(std::span<float> parameters, std::span<const float> gradient, double lr, std::int64_t step) {
  const auto tensor = [&](const float* data) {
    return at::from_blob(const_cast<float*>(data), {static_cast<std::int64_t>(parameters.size())}, at::kFloat);
  };
  const at::Tensor steps_taken = at::full({}, static_cast<double>(step), at::kFloat);  // this one included
  at::_fused_adamw_({tensor(parameters.data())}, {tensor(gradient.data())}, {tensor(first_moment_.data())},
                    {tensor(second_moment_.data())}, {}, {steps_taken}, lr, 0.9, 0.999, weight_decay_, 1e-8,
                    /*amsgrad=*/false, /*maximize=*/false);
}

void set_torch_threads(int threads) {
  at::set_num_threads(threads);
}

}  // namespace dejavid
