// The nearest name to one that nobody knows.
#include "src/config/keys/suggestion.hpp"

#include <gtest/gtest.h>

namespace alignment {
namespace {

TEST(Suggestion, CountsEditsAndSwaps) {
  EXPECT_EQ(nearest("trian", {"eval", "train"}), "train");
  EXPECT_EQ(nearest("steps", {"train.epochs", "model.steps"}), "model.steps");
  EXPECT_EQ(nearest("", {"a.b", "c"}), "c");
}

TEST(Suggestion, KnowsWhatOthersCallIt) {
  const std::vector<std::string> keys{
      "data.store", "model.learn_weights", "model.init",   "train.epochs", "train.batch_size", "train.lr",
      "train.seed", "dist.device",         "dist.threads", "run.dir",      "run.progress",     "train.weight_decay"};
  const auto expect = [&](const char* word, const char* key) { EXPECT_EQ(nearest(word, keys), key) << word; };
  expect("train.learning_rate", "train.lr");
  expect("learning-rate", "train.lr");
  expect("batch", "train.batch_size");
  expect("Batch-Size", "train.batch_size");
  expect("train.num_epochs", "train.epochs");
  expect("seed", "train.seed");
  expect("random_state", "train.seed");
  expect("num_workers", "dist.threads");
  expect("gpus", "dist.device");
  expect("dataset", "data.store");
  expect("checkpoint", "model.init");
  expect("output-dir", "run.dir");
  EXPECT_EQ(nearest("batch_size", {"train.lr", "train.pairs_per_step"}), "train.pairs_per_step");
  EXPECT_EQ(nearest("workers", {"threads", "workers"}), "workers") << "a name that is there is no alias";
  EXPECT_EQ(nearest("evaluate", {"train", "eval", "report"}), "eval");
}

TEST(Suggestion, APartOfANameIsNear) {
  EXPECT_EQ(nearest("train.lr_ratio", {"train.lr", "train.centroid_lr_ratio", "data.store"}),
            "train.centroid_lr_ratio");
  EXPECT_EQ(nearest("timeout", {"run.dir", "data.store", "dist.timeout_s"}), "dist.timeout_s");
  EXPECT_EQ(nearest("steps", {"run.checkpoint_every_steps", "model.steps"}), "model.steps");
}

}  // namespace
}  // namespace alignment
