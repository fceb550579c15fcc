#include "io/formats/text/frame_labels.hpp"

#include "tests/io/io_fixtures.hpp"

namespace alignment::io::testing {
namespace {

using Names = std::vector<std::string>;
using Phases = std::vector<std::int32_t>;

/// A store of the samples sample-0 to sample-6 of 3, 1, 5, 2, 4, 7 and 2 steps.
class FrameLabelsTest : public ::testing::Test {
 protected:
  FrameLabelsTest() { SmallStore().write(folder_ / "a.h5"); }

  FrameLabels read(const std::string& text, const Names& phases = {}) {
    write_bytes(folder_ / "l.csv", text);
    TseStore store({folder_ / "a.h5"});
    return read_frame_labels(folder_ / "l.csv", store, phases);
  }
  void expect_refused(const std::string& text, const std::vector<std::string>& parts, const Names& phases = {}) {
    expect_message(message_of<StoreError>([&] { (void)read(text, phases); }), folder_ / "l.csv", parts);
  }

  TemporaryFolder folder_;
};

TEST_F(FrameLabelsTest, BothEndsCountAndOtherFramesHaveNone) {
  const FrameLabels labels = read("id,first frame,last frame,phase\nsample-2,1,2,reach\nsample-2,4,4,lift\n");
  ASSERT_EQ(labels.of_samples.size(), 7U);
  EXPECT_EQ(labels.of_samples[2], (Phases{-1, 0, 0, -1, 1}));
  EXPECT_EQ(labels.of_samples[0], (Phases{-1, -1, -1}));
  EXPECT_EQ(labels.phase_names, (Names{"reach", "lift"}));
}

TEST_F(FrameLabelsTest, NamesAreNumberedAsTheyAppearInTheStore) {
  const FrameLabels labels = read("sample-5,3,6,c\nsample-5,0,2,b\nsample-0,0,2,a\nsample-6,0,1,b\n");
  EXPECT_EQ(labels.phase_names, (Names{"a", "b", "c"}));
  EXPECT_EQ(labels.of_samples[5], (Phases{1, 1, 1, 2, 2, 2, 2}));
  EXPECT_EQ(labels.of_samples[6], (Phases{1, 1}));
}

TEST_F(FrameLabelsTest, AGivenOrder) {
  const FrameLabels labels = read("sample-2,1,2,reach\nsample-2,4,4,lift\n", {"lift", "rest", "reach"});
  EXPECT_EQ(labels.phase_names, (Names{"lift", "rest", "reach"}));
  EXPECT_EQ(labels.of_samples[2], (Phases{-1, 2, 2, -1, 0}));
  expect_refused("sample-2,1,2,reach\nsample-2,4,4,life\n",
                 {":line 2: found the phase \"life\"; expected one of lift, rest, reach"}, {"lift", "rest", "reach"});
}

TEST_F(FrameLabelsTest, Numbers) {
  const FrameLabels labels = read("sample-2,1,2,7\nsample-2,4,4,0\n");
  EXPECT_TRUE(labels.phase_names.empty());
  EXPECT_EQ(labels.of_samples[2], (Phases{-1, 7, 7, -1, 0}));
  EXPECT_EQ(read("sample-2,4,4,1\n", {"lift", "rest"}).of_samples[2], (Phases{-1, -1, -1, -1, 1}));
  expect_refused("sample-2,4,4,2\n", {"found the phase \"2\"; expected a number from 0 to 1"}, {"lift", "rest"});
  expect_refused("sample-2,4,4,-1\n", {"found the phase \"-1\"; expected a number from 0 to"});
  expect_refused("sample-2,4,4,4294967296\n", {"found the phase \"4294967296\""});
  EXPECT_EQ(read("sample-2,4,4,1\nsample-3,0,0,first\n").phase_names, (Names{"1", "first"}));  // then all are names
  EXPECT_EQ(read("sample-2,4,4,2\n", {"2", "1"}).of_samples[2], (Phases{-1, -1, -1, -1, 0}));  // a name before a number
}

TEST_F(FrameLabelsTest, HeadingsMayBeMissingAndBlanksAroundThem) {
  EXPECT_EQ(read("sample-3, 0 , 1 , reach \n").of_samples[3], (Phases{0, 0}));
  EXPECT_EQ(read(" ID ,a,b,c\nsample-3,0,1,reach\n").of_samples[3], (Phases{0, 0}));
}

TEST_F(FrameLabelsTest, RefusesWithTheLine) {
  expect_refused("", {"found no frames; expected lines of id, first frame, last frame, phase"});
  expect_refused("id,first,last,phase\n", {"found no frames"});
  expect_refused("sample-2,0,1,a\n\nsample-22,0,1,a\n",
                 {":line 3: found the id \"sample-22\"; expected an id of the store; did you mean \"sample-2\"?"});
  expect_refused("sample-2,0,1\n", {":line 1: found 3 columns; expected 4"});
  expect_refused("sample-2,0,1,a,b\n", {"found 5 columns"});
  expect_refused("sample-2,x,1,a\n", {":line 1: found \"x\" as the first frame"});
  expect_refused("sample-2,0,1.5,a\n", {"found \"1.5\" as the last frame"});
  expect_refused("sample-2,-1,1,a\n", {"found \"-1\" as the first frame; expected a whole number from 0"});
  expect_refused("sample-2,3,2,a\n", {"found frames 3 to 2; expected a first frame that is not behind the last"});
  expect_refused("sample-2,3,5,a\n", {"found frames 3 to 5 of \"sample-2\"; expected at most frame 4"});
  expect_refused("sample-2,3,4, \n", {"found no phase"});
  expect_refused("sample-2,3,4,\xFF\n", {"found a phase that is no text"});
}

TEST_F(FrameLabelsTest, RefusesFramesOfTwoLines) {
  expect_refused("sample-5,2,4,a\nsample-5,0,1,b\nsample-5,4,6,a\n",
                 {":line 3: found frames 4 to 6 of \"sample-5\"; expected none that line 1 has (2 to 4)"});
  expect_refused("sample-5,4,6,a\nsample-5,0,6,b\n", {":line 2: found frames 0 to 6", "line 1 has (4 to 6)"});
  expect_refused("sample-5,4,6,a\nsample-5,4,6,a\n", {":line 2: "});
  EXPECT_NO_THROW((void)read("sample-5,2,4,a\nsample-5,0,1,b\nsample-5,5,6,a\nsample-4,0,3,a\n"));
}

/// A store of the same samples, in which all frames of sample n from 1 to 6 have the phase n - 1.
class KeptPhasesTest : public ::testing::Test {
 protected:
  void write(const Names& names) {
    small_.with_frame_labels = true;
    small_.phase_names = names;
    small_.write(folder_ / "a.h5", {.replace = true});
  }
  FrameLabels read(const std::string& text, const Names& phases = {}, UnnamedSamples unnamed = UnnamedSamples::kKeep) {
    write_bytes(folder_ / "l.csv", text);
    TseStore store({folder_ / "a.h5"});
    return read_frame_labels(folder_ / "l.csv", store, phases, unnamed);
  }
  std::string refusal(const std::string& text, const Names& phases = {}) {
    return message_of<StoreError>([&] { (void)read(text, phases); });
  }

  TemporaryFolder folder_;
  SmallStore small_;
  const Names names_{"a", "b", "c", "d", "e", "f"};
};

TEST_F(KeptPhasesTest, OfSamplesThatTheFileDoesNotName) {
  write(names_);
  const FrameLabels labels = read("sample-2,1,2,new\nsample-2,4,4,c\n");
  EXPECT_EQ(labels.of_samples[0], Phases(3, kNoPhase));
  EXPECT_EQ(labels.of_samples[2], (Phases{-1, 6, 6, -1, 2}));  // replaced wholly
  EXPECT_EQ(labels.of_samples[3], Phases(2, 2));
  EXPECT_EQ(labels.of_samples[6], Phases(2, 5));
  EXPECT_EQ(labels.phase_names, (Names{"a", "b", "c", "d", "e", "f", "new"}));
  EXPECT_EQ(labels.named, 1);
  EXPECT_EQ(labels.others, 5);  // sample-0 has none to keep
  EXPECT_EQ(read("sample-2,1,2,3\n").of_samples[2], (Phases{-1, 3, 3, -1, -1}));
  expect_message(refusal("sample-2,1,2,6\n"), folder_ / "l.csv",
                 {":line 1: found the phase \"6\"; expected a number from 0 to 5", "--replace-all"});
}

TEST_F(KeptPhasesTest, OrAreDropped) {
  write(names_);
  const FrameLabels labels = read("sample-2,1,2,new\n", {}, UnnamedSamples::kDrop);
  EXPECT_EQ(labels.of_samples[2], (Phases{-1, 0, 0, -1, -1}));
  EXPECT_EQ(labels.of_samples[3], Phases(2, kNoPhase));
  EXPECT_EQ(labels.phase_names, Names{"new"});
  EXPECT_EQ(labels.others, 5);
}

TEST_F(KeptPhasesTest, WhereNothingIsKeptNamesBeginAnew) {
  write(names_);
  std::string all;
  for (std::int64_t n = 1; n < small_.count(); ++n) all += fmt::format("{},0,0,{}\n", small_.id(n), n < 3 ? "z" : "b");
  const FrameLabels labels = read(all);
  EXPECT_EQ(labels.phase_names, (Names{"z", "b"}));
  EXPECT_EQ(labels.others, 0);
}

TEST_F(KeptPhasesTest, AreNumberedByTheNamesGiven) {
  write(names_);
  const FrameLabels labels = read("sample-2,0,0,new\n", {"f", "new", "e", "d", "c", "a"});
  EXPECT_EQ(labels.of_samples[1], Phases(1, 5));
  EXPECT_EQ(labels.of_samples[2], (Phases{1, -1, -1, -1, -1}));
  EXPECT_EQ(labels.of_samples[6], Phases(2, 0));
  expect_message(
      refusal("sample-2,0,0,new\n", {"f", "new", "e", "d", "c"}), folder_ / "a.h5",
      {"sample 1 (sample-1): found the phase \"a\", which it keeps; expected one of f, new, e, d, c, as --phases "
       "has it; add it there, or drop",
       "--replace-all"});
}

TEST_F(KeptPhasesTest, NumbersWithoutNames) {
  write({});
  const FrameLabels labels = read("sample-2,0,0,40\n");
  EXPECT_TRUE(labels.phase_names.empty());
  EXPECT_EQ(labels.of_samples[2], (Phases{40, -1, -1, -1, -1}));
  EXPECT_EQ(labels.of_samples[3], Phases(2, 2));
  expect_message(refusal("sample-2,0,0,reach\n"), folder_ / "l.csv",
                 {":line 1: found the phase \"reach\"; expected numbers throughout", "--phases", "--replace-all"});
  EXPECT_EQ(read("sample-2,0,0,f\n", names_).of_samples[6], Phases(2, 5));  // names for the numbers
  expect_message(refusal("sample-2,0,0,a\n", {"a", "b"}), folder_ / "a.h5",
                 {"found the phase \"2\", which it keeps; expected a number from 0 to 1"});
}

}  // namespace
}  // namespace alignment::io::testing
