#include "src/lrprop/evaluation/evaluate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "dist/errors.hpp"
#include "src/lrprop/evaluation/progression.hpp"
#include "src/lrprop/evaluation/report.hpp"
#include "src/lrprop/evaluation/support_vectors.hpp"
#include "tests/src/lrprop/evaluation/example_videos.hpp"

namespace alignment::lrprop {
namespace {

EvaluationResult evaluate(const std::vector<EmbeddedVideo>& videos, const EvaluationSettings& settings = {}) {
  const auto communicator = dist::make_self_communicator();
  return lrprop::evaluate(videos, settings, {}, *communicator);
}

std::vector<EmbeddedVideo> example(int train = 4, int judged = 3, std::int32_t action = 0) {
  ExampleVideos examples;
  examples.gaps = true;
  std::vector<EmbeddedVideo> videos;
  examples.add(videos, io::Split::kTrain, train, 20, action);
  examples.add(videos, io::Split::kValidation, judged, 18, action);
  return videos;
}

/// The JSON, in which nothing may be NaN: it would be dumped as null, but not read as one.
nlohmann::ordered_json checked_json(const EvaluationResult& result) {
  const nlohmann::ordered_json json = to_json({result});
  const nlohmann::ordered_json flat = json.flatten();
  for (const auto& [key, value] : flat.items()) {
    EXPECT_TRUE(!value.is_number_float() || std::isfinite(value.get<double>())) << key;
  }
  EXPECT_EQ(table({result}).find("nan"), std::string::npos);
  return json;
}

bool mentions(const EvaluationResult& result, const std::string& text) {
  return std::any_of(result.notes.begin(), result.notes.end(),
                     [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

TEST(Evaluate, EveryNumberIsThere) {
  const EvaluationResult result = evaluate(example());
  const nlohmann::ordered_json json = checked_json(result);
  for (const char* name : {"svm_rbf", "logreg", "ap"}) {
    EXPECT_EQ(json[name].size(), 6U);
    for (const auto& number : json[name]) EXPECT_GT(number.get<double>(), 0.2);
  }
  EXPECT_EQ(json["progress_columns"].size(), 3U);
  for (const char* name : {"progress", "tau_b", "tau_dropped", "tau_b_zero", "dtw_accuracy"}) {
    EXPECT_TRUE(json[name].is_number()) << name;
  }
  EXPECT_TRUE(result.notes.empty());
  EXPECT_EQ(result.videos(), 3);
}

TEST(Evaluate, FramesWithoutAPhaseCountForNothing) {
  std::vector<EmbeddedVideo> videos = example(), cut = videos;
  for (EmbeddedVideo& video : cut) {
    std::vector<float> rows;
    for (std::int64_t t = 0; t < video.frames(); ++t) {
      const auto first = video.rows.begin() + t * video.width;
      if (video.frame_labels[static_cast<std::size_t>(t)] >= 0) rows.insert(rows.end(), first, first + video.width);
    }
    video.rows = rows;
    std::erase_if(video.frame_labels, [](std::int32_t label) { return label < 0; });
  }
  ASSERT_LT(cut[0].frames(), videos[0].frames());
  EXPECT_EQ(to_json({evaluate(videos)}), to_json({evaluate(cut)}));
}

TEST(Evaluate, FractionsTakeTheFirstVideos) {
  ExampleVideos examples;
  examples.noise = 1.5;  // every video changes something
  std::vector<EmbeddedVideo> videos;
  examples.add(videos, io::Split::kTrain, 7, 20);
  examples.add(videos, io::Split::kValidation, 2, 60);
  EvaluationSettings settings;
  settings.fractions = {0.05, 0.4, 0.5};  // 1, 2 (of 2.8) and 3 (of 3.5) of 7
  const Metrics metrics = evaluate(videos, settings).metrics;
  const auto sequences = sequences_of(videos);
  PooledFrames train, judged;
  judged.add(sequences[7]);
  judged.add(sequences[8]);
  const StopFlag go_on = false;
  for (std::size_t n = 0; n < 3; ++n) {
    train.add(sequences[n]);
    const auto predicted = SupportVectors(train, 0, go_on).predict(judged, go_on);
    EXPECT_EQ(metrics.svm_rbf[n],
              static_cast<double>(count_right(judged, predicted)) / static_cast<double>(judged.count()));
  }
  EXPECT_NE(metrics.svm_rbf[1], metrics.svm_rbf[0]);
  EXPECT_NE(metrics.svm_rbf[2], metrics.svm_rbf[1]);
}

TEST(Evaluate, FractionsAreNotCutByRounding) {
  ExampleVideos examples;
  examples.noise = 1.5;
  std::vector<EmbeddedVideo> videos;
  examples.add(videos, io::Split::kTrain, 100, 6);
  examples.add(videos, io::Split::kValidation, 2, 60);
  EvaluationSettings settings;
  settings.fractions = {0.28, 0.29, 0.2900001};  // 0.29 * 100 is 28.999999999999996 in f64
  const Metrics metrics = evaluate(videos, settings).metrics;
  EXPECT_EQ(metrics.svm_rbf[1], metrics.svm_rbf[2]);
  EXPECT_NE(metrics.svm_rbf[1], metrics.svm_rbf[0]);
}

TEST(Evaluate, ProgressionIsTheMeanOfItsColumns) {
  const std::vector<EmbeddedVideo> videos = example();
  const Metrics metrics = evaluate(videos).metrics;
  const auto sequences = sequences_of(videos);
  PooledFrames train, judged;
  for (std::size_t n = 0; n < 7; ++n) (n < 4 ? train : judged).add(sequences[n]);
  const std::vector<double> expected = progression_scores(train, judged, std::vector<std::int32_t>{0, 1, 2, 3});
  EXPECT_EQ(metrics.progress_columns, std::vector<Metrics::Number>(expected.begin(), expected.end()));
  EXPECT_EQ(*metrics.progress, (expected[0] + expected[1] + expected[2]) / 3);
}

TEST(Evaluate, APhaseOfTheJudgedVideosAloneHasAColumn) {
  std::vector<EmbeddedVideo> videos = example();
  videos.back().frame_labels.back() = 6;
  EXPECT_EQ(evaluate(videos).metrics.progress_columns.size(), 4U);  // beside 0 to 3
}

TEST(Evaluate, NumbersOfPhasesAreNames) {
  std::vector<EmbeddedVideo> videos = example();
  const auto json = checked_json(evaluate(videos));
  for (EmbeddedVideo& video : videos) {
    for (std::int32_t& label : video.frame_labels) label += label < 0 ? 0 : 100'000;
  }
  EXPECT_EQ(checked_json(evaluate(videos)), json);
}

TEST(Evaluate, ActionsCountAlikeAndByName) {
  std::vector<EmbeddedVideo> videos = example(), second = example(3, 4, 1), all = videos;
  all.insert(all.end(), second.begin(), second.end());
  EvaluationSettings settings;
  settings.action_names = {"pour", "bowl"};
  const EvaluationResult one = evaluate(videos, settings), other = evaluate(second, settings),
                         both = evaluate(all, settings);
  ASSERT_EQ(both.actions.size(), 2U);
  EXPECT_EQ(both.actions[0].name, "pour");
  EXPECT_EQ(both.actions[1].name, "bowl");
  EXPECT_EQ(both.actions[1].metrics.ap, other.metrics.ap);
  EXPECT_EQ(*both.metrics.dtw_accuracy, (*one.metrics.dtw_accuracy + *other.metrics.dtw_accuracy) / 2);
  EXPECT_EQ(*both.metrics.svm_rbf[5], (*one.metrics.svm_rbf[5] + *other.metrics.svm_rbf[5]) / 2);
  EXPECT_EQ(*both.metrics.tau_b, (*one.metrics.tau_b + *other.metrics.tau_b) / 2);
  const nlohmann::ordered_json json = checked_json(both);
  EXPECT_EQ(json["actions"][0]["ap"], checked_json(one)["ap"]);
  EXPECT_TRUE(json["progress_columns"].is_null());
  EXPECT_NE(table({both}).find("pour"), std::string::npos);
}

TEST(Evaluate, AnActionWithoutVideosToJudgeIsLeftOut) {
  std::vector<EmbeddedVideo> videos = example(), second = example(3, 0, 1);
  const EvaluationResult alone = evaluate(videos);
  videos.insert(videos.end(), second.begin(), second.end());
  const EvaluationResult result = evaluate(videos);
  EXPECT_EQ(result.metrics.svm_rbf, alone.metrics.svm_rbf);
  EXPECT_EQ(result.actions.size(), 1U);
  EXPECT_TRUE(mentions(result, "action 1: no val videos"));
}

TEST(Evaluate, OneVideoMakesNoPair) {
  const EvaluationResult result = evaluate(example(3, 1));
  const nlohmann::ordered_json json = checked_json(result);
  EXPECT_TRUE(json["svm_rbf"]["1"].is_number());
  EXPECT_TRUE(json["progress"].is_number());
  for (const char* name : {"tau_b", "tau_dropped", "tau_b_zero", "dtw_accuracy"}) EXPECT_TRUE(json[name].is_null());
  for (const auto& number : json["ap"]) EXPECT_TRUE(number.is_null());
  EXPECT_EQ(json["ap"].size(), 6U);
  EXPECT_TRUE(mentions(result, "one val video makes no pair"));
}

TEST(Evaluate, NoTrainVideos) {
  const EvaluationResult result = evaluate(example(0, 3));
  const nlohmann::ordered_json json = checked_json(result);
  for (const auto& number : json["svm_rbf"]) EXPECT_TRUE(number.is_null());
  EXPECT_EQ(json["logreg"].size(), 6U);
  EXPECT_TRUE(json["progress"].is_null());
  EXPECT_TRUE(json["progress_columns"].is_null());
  EXPECT_TRUE(json["tau_b"].is_number());
  EXPECT_TRUE(mentions(result, "no labelled train videos"));
}

TEST(Evaluate, NoVideosToJudge) {
  for (const auto& videos : {example(3, 0), std::vector<EmbeddedVideo>()}) {
    const EvaluationResult result = evaluate(videos);
    const nlohmann::ordered_json json = checked_json(result);
    EXPECT_EQ(json["svm_rbf"].size(), 6U);
    EXPECT_TRUE(json["tau_b"].is_null());
    EXPECT_EQ(json["videos"], 0);
    EXPECT_TRUE(mentions(result, "no val videos"));
  }
}

TEST(Evaluate, WithoutFrameLabelsOnlyTau) {
  std::vector<EmbeddedVideo> videos = example();
  for (EmbeddedVideo& video : videos) video.frame_labels.clear();
  const EvaluationResult result = evaluate(videos);
  const nlohmann::ordered_json json = checked_json(result);
  EXPECT_TRUE(json["tau_b"].is_number());
  EXPECT_TRUE(json["dtw_accuracy"].is_null());
  EXPECT_TRUE(json["ap"]["1"].is_null());
  EXPECT_TRUE(json["svm_rbf"]["1"].is_null());
  ASSERT_EQ(result.notes.size(), 1U);
  EXPECT_TRUE(mentions(result, "no phases"));
}

TEST(Evaluate, AVideoWithoutALabelledFrameIsLeftOut) {
  std::vector<EmbeddedVideo> videos = example(), fewer = videos;
  const auto strip = [](EmbeddedVideo& video) { std::fill(video.frame_labels.begin(), video.frame_labels.end(), -1); };
  strip(videos[1]);
  strip(videos[5]);
  fewer.erase(fewer.begin() + 5);
  fewer.erase(fewer.begin() + 1);
  const EvaluationResult result = evaluate(videos);
  EXPECT_EQ(result.metrics.svm_rbf, evaluate(fewer).metrics.svm_rbf);
  EXPECT_EQ(result.metrics.tau_b, evaluate(fewer).metrics.tau_b);
  EXPECT_EQ(result.metrics.ap, evaluate(fewer).metrics.ap);
  EXPECT_TRUE(mentions(result, videos[1].id + ", " + videos[5].id));
  for (EmbeddedVideo& video : videos) strip(video);
  EXPECT_TRUE(checked_json(evaluate(videos))["tau_b"].is_null());
}

TEST(Evaluate, IdenticalFramesDropEveryPair) {
  std::vector<EmbeddedVideo> videos = example();
  for (EmbeddedVideo& video : videos) std::fill(video.rows.begin(), video.rows.end(), 0.7F);
  const EvaluationResult result = evaluate(videos);
  const nlohmann::ordered_json json = checked_json(result);
  EXPECT_TRUE(json["tau_b"].is_null());
  EXPECT_EQ(json["tau_dropped"], 1.0);
  EXPECT_EQ(json["tau_b_zero"], 0.0);
  EXPECT_TRUE(json["dtw_accuracy"].is_number());
  EXPECT_LE(json["progress"].get<double>(), 0);
  EXPECT_TRUE(mentions(result, "every pair dropped"));
}

TEST(Evaluate, DroppedPairsCountAsZeroInTheirOwnColumn) {
  std::vector<EmbeddedVideo> videos = example(2, 3);
  videos.back() = line_video("one frame", io::Split::kValidation, {0}, {0});
  for (std::size_t n = 0; n + 1 < videos.size(); ++n) {
    videos[n].width = 1;
    videos[n].rows.resize(videos[n].frame_labels.size());
    for (std::size_t t = 0; t < videos[n].rows.size(); ++t) videos[n].rows[t] = static_cast<float>(t);
  }
  const Metrics metrics = evaluate(videos).metrics;  // only the first two videos have a tau, in both directions
  EXPECT_DOUBLE_EQ(*metrics.tau_dropped, 4.0 / 6);
  EXPECT_GT(*metrics.tau_b, 0.9);
  EXPECT_DOUBLE_EQ(*metrics.tau_b_zero, *metrics.tau_b / 3);
}

TEST(Evaluate, ASinglePhase) {
  std::vector<EmbeddedVideo> videos = example();
  for (EmbeddedVideo& video : videos) std::fill(video.frame_labels.begin(), video.frame_labels.end(), 0);
  const EvaluationResult result = evaluate(videos);
  EXPECT_EQ(result.metrics.svm_rbf.back(), 1);
  EXPECT_EQ(result.metrics.logreg.back(), 1);
  EXPECT_EQ(result.metrics.progress, std::nullopt);
  EXPECT_EQ(result.metrics.dtw_accuracy, 1);
  EXPECT_TRUE(mentions(result, "single phase"));
}

TEST(Evaluate, VideosOfOneFrame) {
  std::vector<EmbeddedVideo> videos;
  for (int n = 0; n < 6; ++n) {
    videos.push_back(line_video("v" + std::to_string(n), n < 3 ? io::Split::kTrain : io::Split::kValidation,
                                {static_cast<float>(n)}, {n % 3}));
  }
  const EvaluationResult result = evaluate(videos);
  const nlohmann::ordered_json json = checked_json(result);
  EXPECT_EQ(json["tau_dropped"], 1.0);
  EXPECT_EQ(json["dtw_accuracy"], 0.0);
  EXPECT_TRUE(mentions(result, "ap: "));  // fewer frames than K
  videos.resize(4);
  EXPECT_TRUE(checked_json(evaluate(videos))["progress"].is_null());  // R^2 of one frame
}

TEST(Evaluate, SubsetsHaveASpreadAndDependOnTheSeedAlone) {
  const std::vector<EmbeddedVideo> videos = example(6, 2);
  EvaluationSettings settings;
  settings.fractions = {0.2, 1};
  EXPECT_EQ(evaluate(videos, settings).metrics.svm_rbf_subsets, std::vector<std::optional<Spread>>(2));
  settings.subsets = 5;
  settings.seed = 3;
  const EvaluationResult result = evaluate(videos, settings), again = evaluate(videos, settings);
  ASSERT_TRUE(result.metrics.svm_rbf_subsets[0] && result.metrics.logreg_subsets[0]);
  EXPECT_FALSE(result.metrics.svm_rbf_subsets[1]);  // there is only one subset of all
  EXPECT_GT(result.metrics.svm_rbf_subsets[0]->deviation, 0);
  EXPECT_LT(std::abs(result.metrics.svm_rbf_subsets[0]->mean - *result.metrics.svm_rbf[0]), 0.4);
  EXPECT_EQ(checked_json(result), checked_json(again));
  settings.seed = 4;
  EXPECT_NE(evaluate(videos, settings).metrics.svm_rbf_subsets[0]->mean, result.metrics.svm_rbf_subsets[0]->mean);
}

TEST(Evaluate, ThinnedFramesAreToldOf) {
  EvaluationSettings settings;
  settings.svm_frames = 25;
  const EvaluationResult result = evaluate(example(), settings);
  EXPECT_TRUE(mentions(result, "svm_rbf at 1: trained on 25 of "));
  EXPECT_FALSE(mentions(result, "svm_rbf at 0.05"));
}

TEST(Evaluate, TheSplitThatIsAskedFor) {
  std::vector<EmbeddedVideo> videos = example();
  videos[5].split = videos[6].split = io::Split::kTest;
  EvaluationSettings settings;
  settings.split = io::Split::kTest;
  EXPECT_EQ(evaluate(videos, settings).videos(), 2);
  EXPECT_EQ(evaluate(videos, settings).split, "test");
  settings.split = io::Split::kTrain;
  const EvaluationResult result = evaluate(videos, settings);
  EXPECT_EQ(result.videos(), 4);
  EXPECT_GT(*result.metrics.svm_rbf.back(), 0.8);
}

TEST(Evaluate, AClockBesideTheModel) {
  const std::vector<EmbeddedVideo> videos = example();
  const std::vector<PreciseVideo> clocks = time_only(videos);
  EXPECT_EQ(clocks[0].rows[1], 1.0 / 19);
  EXPECT_EQ(clocks[0].frames(), videos[0].frames());
  const auto communicator = dist::make_self_communicator();
  const auto results =
      lrprop::evaluate(std::vector<Embedding>{{"model", &videos}, {"time_only", &clocks}}, {}, {}, *communicator);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].metrics.ap, evaluate(videos).metrics.ap);
  EXPECT_GT(*results[1].metrics.tau_b, 0.95);
  EXPECT_GT(*results[1].metrics.progress, 0.95);
  const nlohmann::ordered_json json = to_json(results);
  EXPECT_EQ(json["baselines"].size(), 1U);
  EXPECT_EQ(json["baselines"]["time_only"]["tau_b"], *results[1].metrics.tau_b);
  EXPECT_NE(table(results).find("time_only"), std::string::npos);
}

TEST(Evaluate, RefusesWhatCannotBeEvaluated) {
  const auto refuses = [](const std::vector<EmbeddedVideo>& videos, const EvaluationSettings& settings,
                          const std::string& text) {
    try {
      static_cast<void>(evaluate(videos, settings));
      ADD_FAILURE() << "expected: " << text;
    } catch (const dist::AgreedFailure& failure) {
      EXPECT_NE(std::string(failure.what()).find(text), std::string::npos) << failure.what();
    }
  };
  std::vector<EmbeddedVideo> videos = example();
  videos[2].rows[7] = std::numeric_limits<float>::quiet_NaN();
  refuses(videos, {}, "found nan in frame 1, number 2");
  videos = example();
  videos[2].frame_labels.pop_back();
  refuses(videos, {}, "frame labels");
  EvaluationSettings settings;
  settings.fractions = {0};
  refuses(example(), settings, "fraction of 0");
  settings = {};
  settings.k = {0};
  refuses(example(), settings, "K = 0");
  settings = {};
  settings.stride = 0;
  refuses(example(), settings, "stride");
}

TEST(Evaluate, StopsWhenAsked) {
  const auto communicator = dist::make_self_communicator();
  for (int looks = 0; looks < 2; ++looks) {
    int left = looks;
    EvaluationWatch watch;
    watch.asked_to_stop = [&] { return left-- == 0; };
    try {
      static_cast<void>(lrprop::evaluate(example(), {}, watch, *communicator));
    } catch (const dist::AgreedFailure& failure) {
      EXPECT_NE(std::string(failure.what()).find("asked to stop"), std::string::npos);
      continue;
    }
    EXPECT_LT(left, 0) << "it was never asked";
  }
}

}  // namespace
}  // namespace alignment::lrprop
