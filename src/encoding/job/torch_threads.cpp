#include "src/encoding/job/torch_threads.hpp"

#include <ATen/Parallel.h>

namespace alignment::encoding {

void compute_on_this_thread() {
  at::set_num_threads(1);
}

}  // namespace alignment::encoding
