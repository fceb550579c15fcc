#pragma once

namespace alignment::encoding {

/// From now on LibTorch computes with the calling thread alone where that thread calls it: videos are what is shared
/// out among threads, and sums do not depend on how many there are.
void compute_on_this_thread();

}  // namespace alignment::encoding
