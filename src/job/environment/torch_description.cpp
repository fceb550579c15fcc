// Alone in its file: LibTorch's include folder carries an fmt of its own, which must not meet the system's.
#include <torch/version.h>

#include "src/job/environment/environment.hpp"

namespace alignment {

std::string torch_description() {
  return std::string(TORCH_VERSION) + (DEJAVID_LIBTORCH_CUDA ? " (a wheel with CUDA libraries)" : " (CPU only)");
}

}  // namespace alignment
