#include <stdexcept>

#include "src/programs/dejavid_bench/gpu_kernels.hpp"

namespace alignment::bench {

bool has_gpu() {
  return false;
}

std::optional<std::string> find_gpu_disagreement(const Shape& /*shape*/) {
  throw std::logic_error("GPU: found a build without CUDA; expected has_gpu() to be asked first");
}

double measure_gpu_roof(double /*seconds*/) {
  throw std::logic_error("GPU: found a build without CUDA; expected has_gpu() to be asked first");
}

double nominal_gpu_roof() {
  throw std::logic_error("GPU: found a build without CUDA; expected has_gpu() to be asked first");
}

std::optional<std::string> find_low_roof(double /*roof*/, double /*nominal*/) {
  throw std::logic_error("GPU: found a build without CUDA; expected has_gpu() to be asked first");
}

std::vector<Record> measure_gpu_kernels(const Shape& /*shape*/, const Patience& /*patience*/) {
  throw std::logic_error("GPU: found a build without CUDA; expected has_gpu() to be asked first");
}

}  // namespace alignment::bench
