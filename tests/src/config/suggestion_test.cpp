// The nearest name to one that nobody knows.
#include "src/config/suggestion.hpp"

#include <gtest/gtest.h>

namespace alignment {
namespace {

TEST(Suggestion, CountsEditsAndSwaps) {
  EXPECT_EQ(nearest("trian", {"eval", "train"}), "train");
  EXPECT_EQ(nearest("train.lr_ratio", {"train.lr", "train.centroid_lr_ratio", "data.store"}), "train.lr");
  EXPECT_EQ(nearest("steps", {"train.epochs", "model.steps"}), "model.steps");
  EXPECT_EQ(nearest("", {"a.b", "c"}), "c");
}

}  // namespace
}  // namespace alignment
