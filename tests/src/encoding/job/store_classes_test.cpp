#include "src/encoding/job/store_classes.hpp"

#include <gtest/gtest.h>

namespace alignment::encoding {
namespace {

using Names = std::vector<std::string>;
using Labels = std::vector<std::int32_t>;

EncoderDescription encoder(std::int64_t logits, Names classes) {
  EncoderDescription description;
  description.features = 5;
  description.logits = logits;
  description.classes = std::move(classes);
  return description;
}

TEST(StoreClasses, AreTheListsWithoutLogits) {
  const StoreClasses classes = store_classes(encoder(0, {}), {}, {"a", "b"});
  EXPECT_EQ(classes.names, (Names{"a", "b"}));
  EXPECT_EQ(classes.labels, (Labels{0, 1}));
  EXPECT_EQ(classes.logits, 0);
  EXPECT_TRUE(classes.note.empty());
}

TEST(StoreClasses, TakeTheEncodersOrder) {
  const StoreClasses classes = store_classes(encoder(3, {"c", "a", "b"}), {}, {"a", "b", "c"});
  EXPECT_EQ(classes.names, (Names{"c", "a", "b"}));
  EXPECT_EQ(classes.labels, (Labels{1, 2, 0}));
  EXPECT_EQ(classes.logits, 3);
  WindowRule multi;
  multi.kind = WindowRule::Kind::kMulti;
  EXPECT_EQ(store_classes(encoder(3, {"c", "a", "b"}), multi, {"a", "b", "c"}).logits, 12);
}

TEST(StoreClasses, SayWhereLogitsAreOfOthers) {
  for (const EncoderDescription& other :
       {encoder(3, {}), encoder(3, {"c", "a", "x"}), encoder(4, {"c", "a", "b", "x"})}) {
    const StoreClasses classes = store_classes(other, {}, {"a", "b", "c"});
    EXPECT_EQ(classes.names, (Names{"a", "b", "c"}));
    EXPECT_EQ(classes.logits, 0);
    EXPECT_NE(classes.note.find("features like others"), std::string::npos);
  }
}

TEST(KeptLogits, AreThoseOfTheVideosClassesUnlessOneSaysOtherwise) {
  const EncoderDescription named = encoder(3, {"c", "a", "b"});
  const auto keeps = [](const EncoderDescription& of, const Names& listed) {
    return keeps_logits(of, KeptLogits::kAuto, listed);
  };
  EXPECT_TRUE(keeps(named, {"a", "b", "c"}));
  EXPECT_TRUE(keeps(named, {"b"}));
  EXPECT_TRUE(keeps(named, {}));  // new videos, without labels
  EXPECT_FALSE(keeps(named, {"a", "x"}));
  EXPECT_FALSE(keeps(encoder(3, {}), {"a", "b", "c"}));
  EXPECT_FALSE(keeps(encoder(3, {}), {}));
  EXPECT_FALSE(keeps(encoder(0, {}), {}));
  EXPECT_TRUE(keeps_logits(encoder(3, {}), KeptLogits::kAll, {"a"}));
  EXPECT_FALSE(keeps_logits(encoder(0, {}), KeptLogits::kAll, {"a"}));
  EXPECT_FALSE(keeps_logits(named, KeptLogits::kNone, {"a", "b", "c"}));
}

}  // namespace
}  // namespace alignment::encoding
