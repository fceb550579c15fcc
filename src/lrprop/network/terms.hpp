#pragma once

namespace alignment::lrprop {

/// Unweighted terms of a pair's loss, and its weighted sum (losses.hpp).
struct PairTerms {
  double loss = 0, same = 0, prop = 0, sdtw = 0, regularizer = 0;
  double cosine = 0;  ///< mean cosine of two different rows of a view: 1 where the embedding has collapsed
};

}  // namespace alignment::lrprop
