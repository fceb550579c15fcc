// One video aligned with others: path, frames carried over, what is right of it, files.
#include "src/lrprop/alignment/alignment_files.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "io/errors.hpp"
#include "io/result_folder.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::lrprop {
namespace {

/// Frames on a line.
EmbeddedVideo video(const std::string& id, std::vector<float> places, std::vector<std::int32_t> phases = {},
                    std::vector<double> seconds = {}) {
  EmbeddedVideo made;
  made.id = id;
  made.width = 1;
  made.rows = std::move(places);
  made.frame_labels = std::move(phases);
  made.timestamps = std::move(seconds);
  return made;
}

const EmbeddedVideo kQuery = video("query", {0, 1, 2, 3}, {-1, 0, 0, 1}, {0, 0.5, 1, 1.5});
/// Stays at 1 for four frames.
const EmbeddedVideo kSlow = video("slow", {0, 1, 1, 1, 1, 2, 3, 3}, {-1, 0, 0, 0, 0, 1, 1, 1});

TEST(Alignment, PathAndTheMiddlesOfItsCells) {
  const VideoAlignment alignment = align_videos(kQuery, kSlow);
  ASSERT_EQ(alignment.rows, 4);
  ASSERT_EQ(alignment.columns, 8);
  EXPECT_EQ(alignment.distances[0 * 8 + 6], 3);
  EXPECT_EQ(alignment.cost, 0);
  std::vector<std::pair<int, int>> cells;
  for (const auto& cell : alignment.path) cells.emplace_back(cell.row, cell.column);
  EXPECT_EQ(cells, (std::vector<std::pair<int, int>>{{0, 0}, {1, 1}, {1, 2}, {1, 3}, {1, 4}, {2, 5}, {3, 6}, {3, 7}}));
  EXPECT_EQ(alignment.of_rows, (std::vector<std::int64_t>{0, 2, 5, 6}));  // 1..4: 2.5 rounded down; 6..7: 6.5
  EXPECT_EQ(alignment.of_columns, (std::vector<std::int64_t>{0, 1, 1, 1, 1, 2, 3, 3}));
}

TEST(Alignment, TheOtherWayRound) {
  const VideoAlignment alignment = align_videos(kSlow, kQuery);
  EXPECT_EQ(alignment.of_rows, (std::vector<std::int64_t>{0, 1, 1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(alignment.of_columns, (std::vector<std::int64_t>{0, 2, 5, 6}));
}

TEST(Alignment, SingleFrames) {
  const VideoAlignment alignment = align_videos(video("a", {2}), video("b", {0, 5, 1}));
  EXPECT_EQ(alignment.of_rows, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(alignment.of_columns, (std::vector<std::int64_t>{0, 0, 0}));
  EXPECT_EQ(alignment.cost, 6);
}

TEST(Alignment, RefusesWidthsThatDiffer) {
  EmbeddedVideo wide = video("wide", {0, 1});
  wide.width = 2;
  EXPECT_THROW((void)align_videos(kQuery, wide), std::invalid_argument);
  EXPECT_THROW((void)align_videos(kQuery, video("empty", {})), std::invalid_argument);
}

TEST(KeyFrames, ThosesOfPhasesOrTheUsers) {
  EXPECT_EQ(key_frames(kQuery, {}), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(key_frames(kQuery, {.key_frames = {3, 0, 3}, .phase_names = {}}), (std::vector<std::int64_t>{0, 3}));
  EXPECT_TRUE(key_frames(video("a", {1, 2}), {}).empty());
  EXPECT_NE(message_of<std::invalid_argument>([] {
              (void)key_frames(kQuery, {.key_frames = {4}, .phase_names = {}});
            }).find("found the key frame 4; expected 0 to 3"),
            std::string::npos);
}

TEST(Summary, MomentsAndLabelsCarriedOver) {
  const AlignmentSummary summary = summarize(kQuery, kSlow, align_videos(kQuery, kSlow), {});
  ASSERT_EQ(summary.key_moments.size(), 2U);
  EXPECT_EQ(summary.key_moments[0].query_frame, 1);
  EXPECT_EQ(summary.key_moments[0].other_frame, 2);
  EXPECT_EQ(summary.key_moments[0].phase, 0);
  EXPECT_EQ(summary.key_moments[0].query_time, 0.5);
  EXPECT_FALSE(summary.key_moments[0].other_time);
  EXPECT_EQ(summary.key_moments[1].other_frame, 6);
  EXPECT_EQ(summary.labels, (std::vector<std::int32_t>{-1, 0, 0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(summary.judged, 7);  // not the frame without a phase
  EXPECT_EQ(summary.right, 6);   // but the one at 2
}

TEST(Summary, WithoutPhasesNothingIsJudged) {
  const EmbeddedVideo plain = video("plain", {0, 1, 2});
  const AlignmentSummary from_query = summarize(kQuery, plain, align_videos(kQuery, plain), {});
  EXPECT_EQ(from_query.labels.size(), 3U);
  EXPECT_EQ(from_query.judged, 0);
  const AlignmentSummary to_slow =
      summarize(plain, kSlow, align_videos(plain, kSlow), {.key_frames = {2}, .phase_names = {}});
  EXPECT_TRUE(to_slow.labels.empty());
  EXPECT_EQ(to_slow.judged, 0);
  ASSERT_EQ(to_slow.key_moments.size(), 1U);
  EXPECT_EQ(to_slow.key_moments[0].phase, -1);
}

TEST(Summary, FramesThatAllHaveNoneAreNoPhases) {
  const EmbeddedVideo unlabelled = video("unlabelled", {0, 1, 2}, {-1, -1, -1});
  EXPECT_FALSE(unlabelled.has_phases());
  EXPECT_TRUE(kQuery.has_phases());
  EXPECT_TRUE(summarize(unlabelled, kSlow, align_videos(unlabelled, kSlow), {}).labels.empty());
  const TemporaryFolder folder;
  write_alignments(kQuery, std::vector<EmbeddedVideo>{unlabelled}, {}, folder / "carried");
  EXPECT_NE(read_text(folder / "carried" / "align-unlabelled.svg").find("phases carried over"), std::string::npos);
  EXPECT_EQ(read_text(folder / "carried" / "phases.csv"),
            "id,first,last,phase\nquery,1,2,0\nquery,3,3,1\nunlabelled,1,2,0\n");
  write_alignments(unlabelled, std::vector<EmbeddedVideo>{kSlow}, {}, folder / "none");
  EXPECT_FALSE(std::filesystem::exists(folder / "none" / "phases.csv"));
}

TEST(Summary, AsTextAndBack) {
  const AlignmentSummary summary = summarize(kQuery, kSlow, align_videos(kQuery, kSlow), {});
  const AlignmentSummary back = summary_from_text(to_text(summary));
  EXPECT_EQ(to_text(back), to_text(summary));
  EXPECT_EQ(back.other, "slow");
  EXPECT_EQ(back.labels, summary.labels);
  EXPECT_EQ(back.right, summary.right);
  EXPECT_EQ(back.path_length, summary.path_length);
  EXPECT_EQ(back.key_moments[1].query_time, summary.key_moments[1].query_time);
  EXPECT_EQ(back.key_moments[1].distance, summary.key_moments[1].distance);
}

TEST(Files, WhatIsWritten) {
  const TemporaryFolder folder;
  const std::vector<EmbeddedVideo> others{kSlow, video("a/b \"c\",\n", {0, 3}, {}, {0, 0.25})};
  write_alignments(kQuery, others, {.key_frames = {}, .phase_names = {"reach, then", "lift"}}, folder / "new" / "out");
  const std::filesystem::path out = folder / "new" / "out";

  EXPECT_EQ(read_text(out / "align-slow.csv"),
            "query_frame,other_frame,query_time,other_time,distance\n0,0,0,,0\n1,1,0.5,,0\n1,2,0.5,,0\n1,3,0.5,,0\n"
            "1,4,0.5,,0\n2,5,1,,0\n3,6,1.5,,0\n3,7,1.5,,0\n");
  const auto json = nlohmann::json::parse(read_text(out / "align-slow.json"));
  EXPECT_EQ(json["query"], "query");
  EXPECT_EQ(json["other"], "slow");
  EXPECT_EQ(json["path"].size(), 8U);
  EXPECT_EQ(json["frame_of_other"], (std::vector<int>{0, 2, 5, 6}));
  EXPECT_DOUBLE_EQ(json["label_accuracy"], 6.0 / 7);
  const std::string svg = read_text(out / "align-slow.svg");
  EXPECT_NE(svg.find("query aligned with slow"), std::string::npos);
  EXPECT_NE(svg.find("Of 7 frames that have a phase, 85.7 % get it from query along the path."), std::string::npos);

  const std::string awkward = "align-a=2Fb=20=22c=22=2C=0A";
  for (const char* ending : {".csv", ".json", ".svg"}) EXPECT_TRUE(std::filesystem::exists(out / (awkward + ending)));
  EXPECT_EQ(read_text(out / "transfer.csv"),
            "other,query_frame,query_time,phase,phase_name,other_frame,other_time,distance\n"
            "slow,1,0.5,0,\"reach, then\",2,,0\nslow,3,1.5,1,lift,6,,0\n"
            "\"a/b \"\"c\"\",\n\",1,0.5,0,\"reach, then\",0,0,1\n\"a/b \"\"c\"\",\n\",3,1.5,1,lift,1,0.25,0\n");
  EXPECT_EQ(read_text(out / "phases.csv"),
            "id,first,last,phase\nquery,1,2,\"reach, then\"\nquery,3,3,lift\nslow,1,5,\"reach, then\"\nslow,6,7,lift\n"
            "\"a/b \"\"c\"\",\n\",1,1,\"reach, then\"\n");
  const auto all = nlohmann::json::parse(read_text(out / "transfer.json"));
  EXPECT_EQ(all["others"].size(), 2U);
  EXPECT_TRUE(all["others"][1]["label_accuracy"].is_null());
  EXPECT_DOUBLE_EQ(all["label_accuracy"], 6.0 / 7);

  const std::string before = read_text(out / "align-slow.svg");
  write_alignments(kQuery, others, {.key_frames = {}, .phase_names = {"reach, then", "lift"}}, out);  // replaced
  EXPECT_EQ(read_text(out / "align-slow.svg"), before);
}

TEST(Files, AFolderThatCannotBeMade) {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  EXPECT_THROW(write_alignments(kQuery, {}, {}, folder / "file"), io::WriteError);
  EXPECT_THROW(write_alignments(kQuery, {}, {}, folder / "file" / "below"), io::WriteError);
}

TEST(FileNames, AreSafeAndDiffer) {
  EXPECT_EQ(io::file_name_of("clip_7.mp4-x"), "clip_7.mp4-x");
  EXPECT_EQ(io::file_name_of("../a b"), "=2E.=2Fa=20b");
  EXPECT_EQ(io::file_name_of(std::string("\0=", 2)), "=00=3D");
  std::set<std::string> names;
  const std::string stem(200, 'x');
  for (const std::string& id :
       {std::string("a/b"), std::string("a=2Fb"), std::string("a_b"), std::string("."), std::string(".."), stem + "1",
        stem + "2", stem.substr(0, 120), stem.substr(0, 121), std::string("日本")}) {
    const std::string name = io::file_name_of(id);
    EXPECT_LE(name.size(), 120U);
    EXPECT_EQ(name.find_first_of("/\\ \n"), std::string::npos);
    EXPECT_NE(name.front(), '.');
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace alignment::lrprop
