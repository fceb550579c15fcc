// What a progress bar and its plain lines say.
#include "src/job/terminal/progress.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "src/job/terminal/progress_line.hpp"

namespace alignment {
namespace {

ProgressState halfway() {
  return {"epoch 3", "samples", "loss 1.93", 1800, 3600, 2.0, 0};
}

TEST(ProgressLine, BarWithRateEtaAndNote) {
  EXPECT_EQ(bar_line(halfway(), 120),
            "epoch 3 [============>           ]  50%  1800/3600 samples  900/s  ETA 0:02  loss 1.93");
  ProgressState state = halfway();
  state.done = 3600;
  state.seconds = 4;
  state.note.clear();
  EXPECT_EQ(bar_line(state, 120), "epoch 3 [========================] 100%  3600/3600 samples  900/s  ETA 0:00");
}

TEST(ProgressLine, BarStartsWithoutARate) {
  ProgressState state = halfway();
  state.done = 0;
  state.seconds = 0;
  state.note.clear();
  EXPECT_EQ(bar_line(state, 120), "epoch 3 [>                       ]   0%  0/3600 samples");
}

TEST(ProgressLine, BarShrinksBeforeTheNumbersAreCut) {
  EXPECT_EQ(bar_line(halfway(), 80), "epoch 3 [========>        ]  50%  1800/3600 samples  900/s  ETA 0:02  loss 1.93");
  for (int width = 0; width < 150; ++width) {
    EXPECT_LT(bar_line(halfway(), width).size(), static_cast<std::size_t>(std::max(width, 2))) << width;
  }
}

TEST(ProgressLine, PlainAndClosingLines) {
  EXPECT_EQ(plain_line(halfway()), "epoch 3: 1800/3600 samples (50%), 900 samples/s, ETA 0:02, loss 1.93");
  ProgressState state = halfway();
  EXPECT_EQ(closing_line(state), "epoch 3: 1800/3600 samples in 2.0 s, 900 samples/s, loss 1.93");
  state.done = 3600;
  state.seconds = 4.12;
  EXPECT_EQ(closing_line(state), "epoch 3: 3600 samples in 4.1 s, 874 samples/s, loss 1.93");
  state.seconds = 7261;
  state.note.clear();
  EXPECT_EQ(closing_line(state), "epoch 3: 3600 samples in 2:01:01, 0.50 samples/s");
}

TEST(ProgressLine, AStageWithoutAnythingToDoOrMoreThanExpected) {
  const ProgressState nothing{"dba", "classes", "", 0, 0, 0, 0};
  EXPECT_EQ(plain_line(nothing), "dba: 0/0 classes (100%)");
  EXPECT_EQ(closing_line(nothing), "dba: 0 classes in 0.0 s");
  const ProgressState more{"dba", "classes", "", 12, 10, 1, 0};
  EXPECT_EQ(plain_line(more), "dba: 12/10 classes (100%), 12.0 classes/s, ETA 0:00");
  EXPECT_EQ(bar_line(more, 120), "dba [========================] 100%  12/10 classes  12.0/s  ETA 0:00");
  const ProgressState stuck{"dba", "classes", "", 1, 10, 0, 0};
  EXPECT_EQ(plain_line(stuck), "dba: 1/10 classes (10%), 0.00 classes/s, ETA ?");
}

TEST(ProgressLine, WhatAnEarlierProcessDidIsNoSpeed) {
  ProgressState state = halfway();
  state.resumed = 1600;
  EXPECT_EQ(plain_line(state), "epoch 3: 1800/3600 samples (50%), 100 samples/s, ETA 0:18, loss 1.93");
  state.resumed = state.done;
  EXPECT_EQ(plain_line(state), "epoch 3: 1800/3600 samples (50%), loss 1.93");
}

TEST(ProgressLine, WhatIsUnderWayCountsTowardsShareAndRate) {
  ProgressState state{"encoding", "videos", "", 0, 1, 30, 0};
  EXPECT_EQ(plain_line(state), "encoding: 0/1 videos (0%)");
  state.under_way = 0.25;
  EXPECT_EQ(plain_line(state), "encoding: 0/1 videos (25%), 0.01 videos/s, ETA 1:30");
  EXPECT_EQ(bar_line(state, 120), "encoding [======>                 ]  25%  0/1 videos  0.01/s  ETA 1:30");
  state.under_way = 1.5;  // finished, and not counted yet
  EXPECT_EQ(plain_line(state), "encoding: 0/1 videos (100%), 0.05 videos/s, ETA 0:00");
}

TEST(ProgressLine, OfWhatNobodyCanSayTheTotalIsThereIsNoShare) {
  const ProgressState state{"decoding", "frames", "", 500, ProgressState::kUnknownTotal, 2, 0};
  EXPECT_EQ(plain_line(state), "decoding: 500 frames, 250 frames/s");
  EXPECT_EQ(bar_line(state, 120), "decoding: 500 frames, 250 frames/s");
  EXPECT_EQ(bar_line(state, 12), "decoding: 5");
  EXPECT_EQ(closing_line(state), "decoding: 500 frames in 2.0 s, 250 frames/s");
}

TEST(ProgressLine, RateAndEtaOfLateOnTheWayAndOfAllAtTheEnd) {
  ProgressState state = halfway();
  state.recent_rate = 100;
  EXPECT_EQ(plain_line(state), "epoch 3: 1800/3600 samples (50%), 100 samples/s, ETA 0:18, loss 1.93");
  EXPECT_EQ(closing_line(state), "epoch 3: 1800/3600 samples in 2.0 s, 900 samples/s, loss 1.93");
  state.recent_rate = 0;
  EXPECT_EQ(plain_line(state), "epoch 3: 1800/3600 samples (50%), 0.00 samples/s, ETA ?, loss 1.93");
}

TEST(RecentRate, FollowsAMachineThatBecomesSlower) {
  RecentRate rate;
  EXPECT_EQ(rate.per_second(), std::nullopt);
  rate.add(0, 5);
  EXPECT_EQ(rate.per_second(), std::nullopt);
  double done = 5;
  for (int second = 1; second <= 100; ++second) rate.add(second, done += 8);
  EXPECT_DOUBLE_EQ(rate.per_second().value(), 8);
  for (int tenth = 1; tenth <= 10 * 29; ++tenth) rate.add(100 + 0.1 * tenth, done += 0.2);
  EXPECT_GT(rate.per_second().value(), 2.1);
  for (int tenth = 1; tenth <= 10 * 3; ++tenth) rate.add(129 + 0.1 * tenth, done += 0.2);
  EXPECT_NEAR(rate.per_second().value(), 2, 1e-9);
}

TEST(RecentRate, LooksFurtherBackWhereUnitsTakeLong) {
  RecentRate rate;
  for (int second = 0; second <= 2000; ++second) rate.add(second, second / 100);  // whole units
  EXPECT_NEAR(rate.per_second().value(), 0.01, 0.0015);
}

TEST(RecentRate, DrawsOfTheFirstSecondCount) {
  RecentRate rate;
  rate.add(0, 0);
  rate.add(0, 1);
  EXPECT_EQ(rate.per_second(), std::nullopt);
  rate.add(0.1, 1);
  EXPECT_DOUBLE_EQ(rate.per_second().value(), 10);
  rate.add(0.2, 1);
  EXPECT_DOUBLE_EQ(rate.per_second().value(), 5);
}

TEST(ProgressLine, Durations) {
  EXPECT_EQ(duration_text(0), "0:00");
  EXPECT_EQ(duration_text(59.4), "0:59");
  EXPECT_EQ(duration_text(59.6), "1:00");
  EXPECT_EQ(duration_text(3599), "59:59");
  EXPECT_EQ(duration_text(3600), "1:00:00");
  EXPECT_EQ(duration_text(123 * 3600 + 61), "123:01:01");
  EXPECT_EQ(duration_text(-1), "?");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::infinity()), "?");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::quiet_NaN()), "?");
}

/// What a stage of that kind writes to standard error.
std::string written(ProgressChoice choice, bool finish) {
  testing::internal::CaptureStderr();
  {
    Progress progress(choice, "epoch 0", 3, "samples");
    for (int index = 0; index < 3; ++index) progress.advance(1, "loss " + std::to_string(index));
    if (finish) progress.finish();
  }
  return testing::internal::GetCapturedStderr();
}

TEST(Progress, EndsWithOneClosingLineWhateverTheKind) {
  for (const ProgressChoice choice : {ProgressChoice::kPlain, ProgressChoice::kBar, ProgressChoice::kAuto}) {
    for (const bool finish : {true, false}) {
      const std::string text = written(choice, finish);
      EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
      EXPECT_NE(text.find("epoch 0: 3 samples in "), std::string::npos) << text;
      EXPECT_TRUE(text.ends_with(", loss 2\n")) << text;
      EXPECT_EQ(text.find('\r') != std::string::npos, choice == ProgressChoice::kBar)
          << "what is not a terminal gets no bar unless asked for: " << text;
    }
  }
  EXPECT_EQ(written(ProgressChoice::kOff, true), "");
}

}  // namespace
}  // namespace alignment
