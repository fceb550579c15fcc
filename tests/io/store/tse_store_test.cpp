#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <limits>

#include "tests/io/io_fixtures.hpp"

namespace alignment::io::testing {
namespace {

void expect_same(TseStore& store, const SmallStore& small) {
  ASSERT_EQ(store.sample_count(), small.count());
  EXPECT_EQ(store.feature_dim(), small.feature_dim);
  EXPECT_EQ(store.class_names(), small.header().class_names);
  for (std::int64_t n = 0; n < small.count(); ++n) {
    EXPECT_EQ(store.length(n), small.lengths[static_cast<std::size_t>(n)]);
    EXPECT_EQ(store.label(n), small.label(n));
    EXPECT_EQ(store.split(n), small.split(n));
    EXPECT_EQ(store.id(n), small.id(n));
    EXPECT_EQ(read_features(store, n), small.features(n)) << n;  // exact: the values fit f16 too
    EXPECT_EQ(read_features(store, n), small.features(n)) << "at the second read, " << n;
  }
}

struct Kind {
  const char* name;
  TseWriterOptions options;
};
class RoundTrip : public ::testing::TestWithParam<Kind> {};

TEST_P(RoundTrip, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  SmallStore small;
  small.write(folder / "a.h5", GetParam().options);
  EXPECT_EQ(folder.entry_count(), 1U);
  TseStore store({folder / "a.h5"});
  if (store.has_half_precision()) {
    for (std::int64_t n = 0; n < small.count(); ++n) {
      EXPECT_EQ(read_halves(store, n), small.features(n)) << n;
      EXPECT_EQ(read_halves(store, n), small.features(n)) << "at the second read, " << n;
    }
  } else {
    std::uint16_t half = 0;
    EXPECT_THROW(store.read_halves(1, &half), std::logic_error);
  }
  expect_same(store, small);
  EXPECT_TRUE(store.files_without_digests().empty());
  EXPECT_EQ(store.samples_of(Split::kTrain), (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(store.samples_of(Split::kTest), (std::vector<std::int64_t>{6}));
  EXPECT_NO_THROW(store.require_training_samples());
  EXPECT_EQ(store.describe(2), (folder / "a.h5").string() + ":features:sample 2 (sample-2)");
}

INSTANTIATE_TEST_SUITE_P(Kinds, RoundTrip,
                         ::testing::Values(Kind{"f32", {FeatureType::kFloat32, 0}},
                                           Kind{"f16", {FeatureType::kFloat16, 0}},
                                           Kind{"f32_gzip", {FeatureType::kFloat32, 4}},
                                           Kind{"f16_gzip", {FeatureType::kFloat16, 9}}),
                         [](const auto& kind) { return kind.param.name; });

TEST(TseStore, ReadsSamplesThatCrossChunks) {
  const TemporaryFolder folder;
  SmallStore small;
  small.feature_dim = 30000;  // 120 kB a step: three steps a chunk
  small.lengths = {2, 5, 1, 9, 3};
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  for (const std::int64_t n : {3, 0, 4, 1, 2}) EXPECT_EQ(read_features(store, n), small.features(n)) << n;
}

TEST(TseStore, KeepsFrameLabelsAndTimestamps) {
  const TemporaryFolder folder;
  SmallStore small;
  small.with_frame_labels = small.with_timestamps = true;
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  ASSERT_TRUE(store.has_frame_labels());
  ASSERT_TRUE(store.has_timestamps());
  EXPECT_EQ(store.read_frame_labels(5), std::vector<std::int32_t>(7, 4));
  EXPECT_EQ(store.read_frame_labels(0), std::vector<std::int32_t>(3, -1));
  EXPECT_EQ(store.read_timestamps(4), std::vector<double>(4, 0.16));

  SmallStore().write(folder / "plain.h5");
  TseStore plain({folder / "plain.h5"});
  EXPECT_FALSE(plain.has_frame_labels());
  EXPECT_THROW(static_cast<void>(plain.read_frame_labels(0)), StoreError);
  EXPECT_THROW(static_cast<void>(plain.read_timestamps(0)), StoreError);
}

TEST(TseStore, PhasesAndTimesHaveIdentitiesOfTheirOwn) {
  const TemporaryFolder folder;
  struct Identities {
    std::uint64_t samples, phases, times;
  };
  const auto written = [&](bool phases, bool times, const std::vector<std::string>& names, bool other = false) {
    SmallStore small;
    small.with_frame_labels = phases;
    small.with_timestamps = times;
    small.phase_names = names;
    TseWriter writer(folder / "a.h5", small.header());
    for (std::int64_t n = 0; n < small.count(); ++n) {
      const auto steps = static_cast<std::size_t>(small.lengths[static_cast<std::size_t>(n)]);
      std::vector<std::int32_t> labels(phases ? steps : 0, 1);
      std::vector<double> seconds(times ? steps : 0, 0.5);
      if (other && n == 3 && phases) labels.back() = 2;
      if (other && n == 3 && times) seconds.back() = 0.75;
      writer.append({small.id(n), small.label(n), small.split(n), small.features(n), labels, seconds});
    }
    writer.finish();
    const TseStore store({folder / "a.h5"});
    const Identities found{store.identity(), store.phase_identity(), store.time_identity()};
    EXPECT_EQ(store.phase_identity(), found.phases) << "asked again";
    std::filesystem::remove(folder / "a.h5");
    return found;
  };
  const Identities plain = written(false, false, {}), all = written(true, true, {});
  EXPECT_EQ(plain.samples, all.samples);
  EXPECT_NE(plain.phases, all.phases);
  EXPECT_NE(plain.times, all.times);
  EXPECT_EQ(all.phases, written(true, false, {}).phases);
  EXPECT_EQ(all.times, written(false, true, {}).times);
  EXPECT_EQ(plain.times, written(true, false, {}).times);
  EXPECT_NE(all.phases, written(true, true, {"a", "b", "c"}).phases);
  EXPECT_NE(written(true, true, {"a", "bc", "d"}).phases, written(true, true, {"ab", "c", "d"}).phases);
  EXPECT_NE(all.phases, written(true, true, {}, true).phases);
  EXPECT_NE(all.times, written(true, true, {}, true).times);
}

TEST(TseStore, KeepsTheNamesOfPhases) {
  const TemporaryFolder folder;
  SmallStore small;
  small.with_frame_labels = true;
  small.phase_names = {"reach", "lift", "pour", "put down", "rest", "w\xC3\xA4rmen"};
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  EXPECT_EQ(store.phase_names(), small.phase_names);
  EXPECT_EQ(store.read_frame_labels(6), std::vector<std::int32_t>(2, 5));

  small.phase_names.clear();
  small.write(folder / "plain.h5");
  EXPECT_TRUE(TseStore({folder / "plain.h5"}).phase_names().empty());
}

TEST(TseStore, RefusesPhasesBeyondTheirNames) {
  const TemporaryFolder folder;
  SmallStore small;
  small.with_frame_labels = true;
  small.phase_names = {"one", "two"};
  expect_message(message_of<StoreError>([&] { small.write(folder / "a.h5"); }), folder / "a.h5",
                 {"sample 3", "found phase 2 at step 0; expected -1 to 1"});
  small.phase_names = {"one", "one"};
  expect_message(message_of<StoreError>([&] { small.write(folder / "a.h5"); }), folder / "a.h5", {"\"one\" twice"});
  small.phase_names.clear();
  TseWriter writer(folder / "b.h5", small.header());
  expect_message(message_of<StoreError>([&] {
                   writer.append({.id = "a", .features = small.features(1), .frame_labels = std::vector{-2}});
                 }),
                 folder / "b.h5", {"found phase -2 at step 0; expected -1, none, or a number from 0 on"});
}

/// A store of one sample of one step, which is of that phase; its id is the file's name.
void write_one_step(const std::filesystem::path& file, const SmallStore& like, const std::vector<std::string>& names,
                    std::int32_t phase) {
  TseStoreHeader header = like.header();
  header.phase_names = names;
  const std::vector<float> values = like.features(1);
  const std::vector<std::int32_t> phases{phase};
  const std::string id = file.filename().string();
  TseWriter writer(file, header);
  writer.append({.id = id, .features = values, .frame_labels = phases});
  writer.finish();
}

TEST(TseStore, StoresReadAsOneNamePhasesAlike) {
  const TemporaryFolder folder;
  SmallStore small;
  small.with_frame_labels = true;
  small.write(folder / "plain.h5");
  const auto write = [&](const char* name, const std::vector<std::string>& names) {
    write_one_step(folder / name, small, names, 0);
  };
  write("a.h5", {"reach", "lift"});
  write("b.h5", {"reach", "lift"});
  write("other.h5", {"lift", "reach"});
  EXPECT_EQ(TseStore({folder / "a.h5", folder / "b.h5"}).phase_names(), (std::vector<std::string>{"reach", "lift"}));
  expect_message(message_of<StoreError>([&] {
                   TseStore({folder / "a.h5", folder / "plain.h5"});
                 }),
                 folder / "plain.h5", {":phase_names: found none; expected \"reach,lift\" as in "});
  expect_message(message_of<StoreError>([&] {
                   TseStore({folder / "a.h5", folder / "other.h5"});
                 }),
                 folder / "other.h5", {":phase_names: found \"lift,reach\"; expected \"reach,lift\" as in "});
}

TEST(TseStore, FramesOfAFileWithoutLabelsHaveNoPhase) {
  const TemporaryFolder folder;
  SmallStore small;
  const std::vector<std::int32_t> phases{1};
  const auto write = [&](const char* name, const std::vector<std::string>& names) {
    write_one_step(folder / name, small, names, phases.front());
  };
  write("a.h5", {"reach", "lift"});
  write("other.h5", {"lift", "reach"});
  small.write(folder / "without.h5");

  TseStore store({folder / "without.h5", folder / "a.h5"});
  EXPECT_TRUE(store.has_frame_labels());
  EXPECT_EQ(store.read_frame_labels(0), std::vector<std::int32_t>(static_cast<std::size_t>(store.length(0)), kNoPhase));
  EXPECT_EQ(store.read_frame_labels(small.count()), phases);
  EXPECT_EQ(store.phase_names(), (std::vector<std::string>{"reach", "lift"}));
  EXPECT_FALSE(TseStore({folder / "without.h5"}).has_frame_labels());
  expect_message(message_of<StoreError>([&] {
                   TseStore({folder / "without.h5", folder / "a.h5", folder / "other.h5"});
                 }),
                 folder / "other.h5", {":phase_names: found \"lift,reach\"; expected \"reach,lift\" as in ", "a.h5"});
}

TEST(TseWriter, ReplacesAStoreOnlyWhereItMay) {
  const TemporaryFolder folder;
  SmallStore small;
  small.write(folder / "a.h5");
  EXPECT_THROW(small.write(folder / "a.h5"), WriteError);
  small.with_timestamps = true;
  {
    TseWriter unfinished(folder / "a.h5", small.header(), {.replace = true});
    small.append_all(unfinished);
  }
  EXPECT_FALSE(TseStore({folder / "a.h5"}).has_timestamps());
  small.write(folder / "a.h5", {.replace = true});
  EXPECT_TRUE(TseStore({folder / "a.h5"}).has_timestamps());
  EXPECT_EQ(folder.entry_count(), 1U);
}

TEST(TseStore, ReadsSeveralFilesAsOne) {
  const TemporaryFolder folder;
  SmallStore small;
  small.write(folder / "a.h5");
  TseWriter writer(folder / "b.h5", small.header(), {FeatureType::kFloat16, 0});
  const auto values = small.features(3);
  writer.append({"other", 2, Split::kTest, values});
  writer.finish();
  TseStore store({folder / "a.h5", folder / "b.h5"});
  ASSERT_EQ(store.sample_count(), small.count() + 1);
  EXPECT_EQ(read_features(store, small.count()), values);
  EXPECT_EQ(read_features(store, 2), small.features(2));
  EXPECT_EQ(store.id(small.count()), "other");
  EXPECT_EQ(store.samples_of(Split::kTest), (std::vector<std::int64_t>{6, 7}));
  EXPECT_EQ(store.describe(7), (folder / "b.h5").string() + ":features:sample 0 (other)");
  EXPECT_THROW(static_cast<void>(store.length(8)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(store.length(-1)), std::out_of_range);
}

TEST(TseStore, MovesSamplesOfAnyFileToTheValSplit) {
  const TemporaryFolder folder;
  SmallStore small;
  small.write(folder / "a.h5");
  const auto values = small.features(3);
  TseWriter writer(folder / "b.h5", small.header());
  writer.append({"seven", 0, Split::kTrain, values});
  writer.append({"eight", 1, Split::kTest, values});
  writer.append({"nine", 2, Split::kTrain, values});
  writer.finish();
  TseStore store({folder / "a.h5", folder / "b.h5"});
  const std::uint64_t identity = store.identity();

  store.move_to_validation({});
  EXPECT_EQ(store.samples_of(Split::kValidation), (std::vector<std::int64_t>{4, 5}));
  store.move_to_validation({9, 2});
  store.move_to_validation({0, 2});  // once more is no other
  EXPECT_EQ(store.samples_of(Split::kTrain), (std::vector<std::int64_t>{1, 3, 7}));
  EXPECT_EQ(store.samples_of(Split::kValidation), (std::vector<std::int64_t>{0, 2, 4, 5, 9}));
  EXPECT_EQ(store.samples_of(Split::kTest), (std::vector<std::int64_t>{6, 8}));
  for (std::int64_t n = 0; n < store.sample_count(); ++n) {
    const bool moved = n == 0 || n == 2 || n == 9;
    const Split written = n < 7 ? small.split(n) : n == 8 ? Split::kTest : Split::kTrain;
    EXPECT_EQ(store.split(n), moved ? Split::kValidation : written) << n;
  }
  EXPECT_EQ(store.identity(), identity);
  EXPECT_EQ(store.label(9), 2);
  EXPECT_EQ(read_features(store, 9), values);
  EXPECT_EQ(TseStore({folder / "a.h5", folder / "b.h5"}).split(2), Split::kTrain);

  store.leave_out({2});
  EXPECT_EQ(store.samples_of(Split::kValidation), (std::vector<std::int64_t>{0, 4, 5, 9}));
  EXPECT_EQ(store.split(2), Split::kValidation);
}

TEST(TseStore, MatchesClassesByName) {
  const TemporaryFolder folder;
  const std::vector<float> row{1, 2};
  const auto write = [&](const std::string& name, TseStoreHeader header, const std::vector<std::int32_t>& labels) {
    TseWriter writer(folder / name, std::move(header));
    for (std::size_t n = 0; n < labels.size(); ++n) {
      writer.append({fmt::format("{} {}", name, n), labels[n], Split::kTrain, row});
    }
    writer.finish();
    return folder / name;
  };
  const auto one = write("one.h5", {2, {"a", "b"}, "", "", 2}, {0, 1});
  const auto turned = write("turned.h5", {2, {"b", "a"}, "", "", 2}, {0, 1});
  const auto part = write("part.h5", {2, {"c", "b"}, "", "", 0, true}, {0, kNoLabel, 1});
  const auto none = write("none.h5", {2, {}, "", "", 0, true}, {kNoLabel});

  const TseStore same({one, turned});
  EXPECT_EQ(same.class_names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(same.label(2), 1);
  EXPECT_EQ(same.label(3), 0);
  EXPECT_EQ(same.logit_labels(2), (std::vector<std::int32_t>{1, 0}));
  EXPECT_NE(same.identity(), TseStore({one, write("twin.h5", {2, {"a", "b"}, "", "", 2}, {0, 1})}).identity());
  EXPECT_THROW(TseStore({one, part}), StoreError);

  TseStore all({none, part, one}, ClassMatching::kUnion);
  EXPECT_EQ(all.class_names(), (std::vector<std::string>{"c", "b", "a"}));
  const auto labels = [&] {
    std::vector<std::int32_t> found;
    for (std::int64_t n = 0; n < all.sample_count(); ++n) found.push_back(all.label(n));
    return found;
  };
  EXPECT_EQ(labels(), (std::vector<std::int32_t>{kNoLabel, 0, kNoLabel, 1, 2, 1}));
  EXPECT_THROW(all.require_training_samples(), StoreError) << "samples of the train split without a label";
  all.adopt_classes({"a", "x", "c"});
  EXPECT_EQ(labels(), (std::vector<std::int32_t>{kNoLabel, 2, kNoLabel, kNoLabel, 0, kNoLabel}));
  EXPECT_EQ(all.class_name(3), "b");
  EXPECT_EQ(all.class_name(2), "");
  EXPECT_EQ(all.logit_labels(4), (std::vector<std::int32_t>{0, kNoLabel}));
  EXPECT_TRUE(all.logit_labels(1).empty());
  EXPECT_EQ(all.logit_sets(4), 1);
  EXPECT_EQ(all.logit_sets(1), 0);
  const TseStore windows({write("windows.h5", {2, {"a"}, "", "", 2}, {0})});
  EXPECT_EQ(windows.logit_labels(0), std::vector<std::int32_t>{0});
  EXPECT_EQ(windows.logit_sets(0), 2);

  const auto refused = [&](const TseStoreHeader& header) {
    EXPECT_THROW(TseWriter(folder / "refused.h5", header), StoreError);
  };
  refused({2, {}, "", ""});
  refused({4, {"a", "b"}, "", "", 3});
  refused({3, {"a", "b"}, "", "", 4});
  refused({1, {"a", "b"}, "", "", 2});
}

TEST(TseStore, RefusesFilesThatDoNotBelongTogether) {
  const TemporaryFolder folder;
  SmallStore().write(folder / "a.h5");
  const auto with = [&](const std::string& name, auto&& change) {
    auto header = SmallStore().header();
    change(header);
    const std::vector<float> values(static_cast<std::size_t>(header.feature_dim), 1);
    TseWriter writer(folder / name, header);
    writer.append({"only", 0, Split::kTrain, values});
    writer.finish();
    return message_of<StoreError>([&] { TseStore({folder / "a.h5", folder / name}); });
  };
  expect_message(with("dim.h5", [](auto& header) { header.feature_dim = 7; }), folder / "dim.h5",
                 {"feature_dim: found 7; expected 6", "a.h5"});
  expect_message(with("count.h5", [](auto& header) { header.class_names.pop_back(); }), folder / "count.h5",
                 {"found 2; expected 3"});
  expect_message(with("names.h5", [](auto& header) { header.class_names[1] = "x"; }), folder / "names.h5",
                 {"class 1 \"x\"", "\"class 1\""});
  expect_message(message_of<StoreError>([&] {
                   TseStore({folder / "a.h5", folder / "a.h5"});
                 }),
                 folder / "a.h5",
                 {"ids:samples 0, 1, 2, 3, 4 and 2 more: found \"sample-0\", ", "before it of train as sample 0"});
  EXPECT_THROW(TseStore(std::vector<std::filesystem::path>{}), StoreError);
}

TEST(TseStore, NamesClassesWithoutATrainingSample) {
  const TemporaryFolder folder;
  TseStoreHeader header{1, {}, "", ""};
  for (int c = 0; c < 9; ++c) header.class_names.push_back(fmt::format("c{}", c));
  const std::vector<float> values(2, 1);
  TseWriter writer(folder / "a.h5", header);
  writer.append({"a", 1, Split::kTrain, values});
  writer.append({"b", 0, Split::kTest, values});
  writer.finish();
  const TseStore store({folder / "a.h5"});
  expect_message(message_of<StoreError>([&] { store.require_training_samples(); }), folder / "a.h5",
                 {"8 of 9 classes", "(c0, c2, c3, c4, c5 and 3 more)"});

  TseWriter lone(folder / "b.h5", {1, {"only"}, "", ""});
  lone.append({"a", 0, Split::kTrain, values});
  lone.finish();
  const TseStore one_class({folder / "b.h5"});
  expect_message(message_of<StoreError>([&] { one_class.require_training_samples(); }), folder / "b.h5",
                 {"1 class", "at least two"});
}

TEST(TseStore, RefusesFeaturesBeyondALimit) {
  const TemporaryFolder folder;
  const SmallStore small;
  TseWriter writer(folder / "a.h5", small.header());
  const float larger = std::nextafter(1e15F, 1e16F);
  const std::vector<float> values{0, -1e15F, 0, 0, 0, 0}, large{1, 2, 3, 4, 5, 6, 0, 0, -larger, 0, larger, 0};
  writer.append({"at it", 0, Split::kTrain, values});
  writer.append({"beyond", 1, Split::kTrain, large});
  writer.finish();
  const auto opened = [&](float limit) {
    TseStore store({folder / "a.h5"});
    store.limit_features(limit);
    return store;
  };
  auto limited = opened(1e15F), unlimited = TseStore({folder / "a.h5"});
  EXPECT_EQ(read_features(unlimited, 1), large);
  EXPECT_EQ(read_features(limited, 0), values);
  for (int attempt = 0; attempt < 2; ++attempt) {
    expect_message(message_of<NotFiniteError>([&] { read_features(limited, 1); }), folder / "a.h5",
                   {"sample 1 (beyond)", "at step 1, feature 2; expected at most 1e+15"});
  }
  EXPECT_THROW(static_cast<void>(limited.find_not_finite(1)), NotFiniteError);
}

TEST(TseStore, RefusesHalvesBeyondALimitToo) {
  const TemporaryFolder folder;
  const SmallStore small;
  TseWriter writer(folder / "a.h5", small.header(), {FeatureType::kFloat16, 0});
  const std::vector<float> values{0, -100, 0, 0, 0, 0}, large{1, 2, 3, 4, 5, 6, 0, 0, -100.0625F, 0, 200, 0};
  writer.append({"at it", 0, Split::kTrain, values});
  writer.append({"beyond", 1, Split::kTrain, large});
  writer.finish();
  TseStore limited({folder / "a.h5"}), unlimited({folder / "a.h5"});
  limited.limit_features(100);
  EXPECT_EQ(read_halves(unlimited, 1), large);
  EXPECT_EQ(read_halves(limited, 0), values);
  for (int attempt = 0; attempt < 2; ++attempt) {
    expect_message(message_of<NotFiniteError>([&] { read_halves(limited, 1); }), folder / "a.h5",
                   {"sample 1 (beyond)", "at step 1, feature 2; expected at most 100"});
  }
}

TEST(TseStore, LeavesOutSamples) {
  const TemporaryFolder folder;
  const SmallStore small;
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  const auto identity = store.identity();
  EXPECT_FALSE(store.find_not_finite(3));
  store.leave_out({});
  EXPECT_EQ(store.samples_of(Split::kTrain), (std::vector<std::int64_t>{0, 1, 2, 3}));
  store.leave_out({0, 2, 5});
  EXPECT_EQ(store.samples_of(Split::kTrain), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(store.samples_of(Split::kValidation), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(store.samples_of(Split::kTest), (std::vector<std::int64_t>{6}));
  EXPECT_EQ(store.sample_count(), small.count());
  EXPECT_EQ(store.identity(), identity);
  expect_message(message_of<StoreError>([&] { store.require_training_samples(); }), folder / "a.h5",
                 {"1 of 3 classes without a training sample (class 2)"});
}

TEST(TseStore, IdentityFollowsTheContent) {
  const TemporaryFolder folder;
  SmallStore small;
  small.write(folder / "a.h5");
  small.write(folder / "b.h5", {FeatureType::kFloat32, 3});
  small.write(folder / "half.h5", {FeatureType::kFloat16, 0});
  const auto identity = TseStore({folder / "a.h5"}).identity();
  EXPECT_EQ(identity, TseStore({folder / "b.h5"}).identity()) << "compression is not content";
  EXPECT_NE(identity, TseStore({folder / "half.h5"}).identity());
  const auto changed = [&](const std::string& name, auto&& change) {
    TseWriter writer(folder / name, small.header());
    for (std::int64_t n = 0; n < small.count(); ++n) {
      auto values = small.features(n);
      TseSample sample{small.id(n), small.label(n), small.split(n), values};
      if (n == 4) change(sample, values);
      writer.append(sample);
    }
    writer.finish();
    return TseStore({folder / name}).identity();
  };
  EXPECT_EQ(identity, changed("same.h5", [](auto&, auto&) {}));
  EXPECT_NE(identity, changed("value.h5", [](auto&, auto& values) { values[0] += 1; }));
  EXPECT_NE(identity, changed("label.h5", [](auto& sample, auto&) { sample.label = 0; }));
  EXPECT_NE(identity, changed("split.h5", [](auto& sample, auto&) { sample.split = Split::kTest; }));
  EXPECT_NE(identity, changed("id.h5", [](auto& sample, auto&) { sample.id = "x"; }));
}

TEST(TseStore, OpensTheProjectsOwnData) {
  const auto folder = source_root() / ".." / "shared" / "data";
  if (source_root().empty() || !std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/data beside the source";
  std::int64_t read = 0;
  for (const char* name : {"msr_action3d.h5", "penn_action_joints.h5", "utkinect_phases.h5"}) {
    TseStore store({folder / name});
    for (std::int64_t n = 0; n < store.sample_count(); ++n, ++read)
      ASSERT_NO_THROW(read_features(store, n)) << store.describe(n);
  }
  EXPECT_EQ(read, 565 + 2326 + 20);
}

TEST(TseWriter, RefusesSamplesThatDoNotFit) {
  const TemporaryFolder folder;
  const auto file = folder / "a.h5";
  TseWriter writer(file, {2, {"x", "y"}, "", ""}, {FeatureType::kFloat16, 0});
  const std::vector<float> good{1, 2, 3, 4};
  const std::vector<std::int32_t> phases{0, 1};
  writer.append({"first", 0, Split::kTrain, good});
  const auto refused = [&](const TseSample& sample, const std::vector<std::string>& parts) {
    expect_message(message_of<StoreError>([&] { writer.append(sample); }), file, parts);
  };
  refused({"s", 0, Split::kTrain, {}}, {"found 0 numbers"});
  refused({"s", 0, Split::kTrain, {good.data(), 3}}, {"found 3 numbers", "2 features"});
  refused({"s", 2, Split::kTrain, good}, {"label 2", "0 to 1"});
  refused({"s", -1, Split::kTrain, good}, {"label -1"});
  refused({"s", 0, static_cast<Split>(3), good}, {"split 3"});
  refused({"first", 0, Split::kTrain, good}, {"a second time", "sample 1 (first)"});
  refused({"\xff", 0, Split::kTrain, good}, {"UTF-8"});
  refused({"s", 0, Split::kTrain, good, phases}, {"frame labels", "as for the first sample"});
  const auto not_finite = [&](float value, const std::vector<std::string>& parts) {
    auto values = good;
    values[3] = value;
    expect_message(message_of<NotFiniteError>([&] { writer.append({"s", 0, Split::kTrain, values}); }), file, parts);
  };
  not_finite(std::nanf(""), {"nan at step 1, feature 1"});
  not_finite(-std::numeric_limits<float>::infinity(), {"-inf at step 1"});
  not_finite(70000, {"70000", "f16"});
  writer.append({"second", 1, Split::kTest, good});
  writer.finish();
  EXPECT_EQ(TseStore({file}).sample_count(), 2) << "a refused sample leaves the store as it was";
  EXPECT_THROW(writer.append({"third", 1, Split::kTest, good}), std::logic_error);
}

TEST(TseWriter, SaysWhichFeaturesAreTooSmallForF16) {
  const TemporaryFolder folder;
  const auto faint = [&](const char* name, FeatureType type, const std::vector<float>& features) {
    TseWriter writer(folder / name, {2, {"x", "y"}, "", ""}, {type, 0});
    writer.append({"s", 0, Split::kTrain, features});
    writer.finish();
    return writer.faint_features();
  };
  const FaintFeatures volts = faint("volts.h5", FeatureType::kFloat16, {1, 2e-6F, 3e-9F, -5e-6F});
  EXPECT_EQ(volts.count, 1);
  EXPECT_EQ(volts.first, 1);
  EXPECT_EQ(volts.largest, 5e-6F);
  EXPECT_EQ(faint("zero.h5", FeatureType::kFloat16, {1, 1e-9F, 0, 0}).count, 1);  // all of it becomes 0
  EXPECT_EQ(faint("near_zero.h5", FeatureType::kFloat16, {1, 1e-9F, 3, 0.3F}).count, 0);
  EXPECT_EQ(faint("exact.h5", FeatureType::kFloat16, {0, 0x1p-24F, 0, 0}).count, 0);  // f16 holds it all
  EXPECT_EQ(faint("single.h5", FeatureType::kFloat32, {1e-9F, 1e-9F, 0, 0}).count, 0);

  TseWriter writer(folder / "all.h5", {2, {"x", "y"}, "", ""}, {FeatureType::kFloat16, 0});
  writer.append({"s", 0, Split::kTrain, std::vector<float>{1e-6F, 2e-6F, 3e-6F, 4e-6F}});
  expect_message(message_of<StoreError>([&] { writer.finish(); }), folder / "all.h5", {"at most 3e-06", "store f32"});
}

TEST(TseWriter, LeavesNothingUnfinished) {
  const TemporaryFolder folder;
  {
    TseWriter writer(folder / "a.h5", SmallStore().header());
    SmallStore().append_all(writer);
  }
  EXPECT_EQ(folder.entry_count(), 0U);
  {
    TseWriter writer(folder / "a.h5", SmallStore().header());
    EXPECT_THROW(writer.finish(), StoreError);
  }
  EXPECT_EQ(folder.entry_count(), 0U);
}

TEST(TseWriter, RefusesWhatItCannotBegin) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.h5", "mine");
  expect_message(message_of<WriteError>([&] { TseWriter(folder / "a.h5", SmallStore().header()); }), folder / "a.h5",
                 {"an existing file"});
  EXPECT_EQ(read_bytes(folder / "a.h5"), "mine");
  EXPECT_THROW(TseWriter(folder / "b.h5", {0, {"x"}, "", ""}), StoreError);
  EXPECT_THROW(TseWriter(folder / "b.h5", {1, {}, "", ""}), StoreError);
  EXPECT_THROW(TseWriter(folder / "b.h5", {1, {"\xc3"}, "", ""}), StoreError);
  EXPECT_THROW(TseWriter(folder / "b.h5", {1, {"x", "y", "x"}, "", ""}), StoreError);
  EXPECT_THROW(TseWriter(folder / "b.h5", {1, {"x"}, "", ""}, {FeatureType::kFloat32, 10}), StoreError);
  EXPECT_EQ(folder.entry_count(), 1U);
}

/// A limit on file sizes stands in for a full disk.
TEST(TseWriter, SaysThatTheDiskIsFullAndLeavesNothing) {
  const TemporaryFolder folder;
  const auto file = folder / "a.h5";
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t limit : {rlim_t{100}, rlim_t{300'000}, rlim_t{1'500'000}}) {
    const rlimit small{limit, usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto message = message_of<WriteError>([&] {
      const std::vector<float> values(400'000, 1);
      TseWriter writer(file, {100'000, {"x"}, "", ""});
      writer.append({"a", 0, Split::kTrain, values});
      writer.finish();
    });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
    expect_message(message, file, {"File too large", "errno 27", "free space"});
    EXPECT_EQ(folder.entry_count(), 0U);
  }
  std::signal(SIGXFSZ, handler);
  SmallStore().write(file);
  EXPECT_NO_THROW(TseStore({file})) << "HDF5 goes on after its failure";
}

TEST(TseWriter, SameContentGivesTheSameBytes) {
  const TemporaryFolder folder;
  SmallStore().write(folder / "a.h5");
  SmallStore().write(folder / "b.h5");
  EXPECT_EQ(read_bytes(folder / "a.h5"), read_bytes(folder / "b.h5"));
}

}  // namespace
}  // namespace alignment::io::testing
