#include "src/dejavid/model/data_settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "src/dejavid/config/config.hpp"
#include "src/dejavid/model/centroids.hpp"
#include "src/dejavid/sample_features.hpp"
#include "tests/io/io_fixtures.hpp"

namespace alignment::dejavid {
namespace {

/// One sample of a store to be written.
struct Row {
  std::string id, class_name;
  io::Split split = io::Split::kTrain;
  std::int64_t length = 1;
};

/// Writes a store of these samples, its classes in this order; features [T,F] come from `feature`(sample, step, f).
template <typename Feature>
std::filesystem::path write_rows(const std::filesystem::path& file, const std::vector<std::string>& classes,
                                 const std::vector<Row>& rows, std::int64_t feature_dim, Feature&& feature,
                                 io::FeatureType type = io::FeatureType::kFloat32) {
  io::TseWriter writer(file, {feature_dim, classes, "", ""}, {type, 0});
  for (std::size_t n = 0; n < rows.size(); ++n) {
    std::vector<float> values;
    for (std::int64_t step = 0; step < rows[n].length; ++step) {
      for (std::int64_t f = 0; f < feature_dim; ++f) values.push_back(feature(n, step, f));
    }
    const auto label = std::find(classes.begin(), classes.end(), rows[n].class_name) - classes.begin();
    writer.append({rows[n].id, static_cast<std::int32_t>(label), rows[n].split, values});
  }
  writer.finish();
  return file;
}

std::filesystem::path write_rows(const std::filesystem::path& file, const std::vector<std::string>& classes,
                                 const std::vector<Row>& rows) {
  return write_rows(file, classes, rows, 1, [](std::size_t n, auto, auto) { return static_cast<float>(n); });
}

/// `count` training samples of a class.
void add(std::vector<Row>& rows, const std::string& class_name, int count, io::Split split = io::Split::kTrain) {
  for (int n = 0; n < count; ++n) rows.push_back({fmt::format("{}-{}", class_name, rows.size()), class_name, split});
}

// ---- model.steps

std::int64_t steps_of_lengths(const std::vector<std::int64_t>& lengths, std::int64_t asked = 0) {
  const TemporaryFolder folder;
  std::vector<Row> rows;
  for (const std::int64_t length : lengths) rows.push_back({fmt::format("{}", rows.size()), "a", {}, length});
  rows.push_back({"of test", "b", io::Split::kTest, 1000});  // whose length counts for nothing
  rows.push_back({"of val", "b", io::Split::kValidation, 1000});
  rows.push_back({"of val too", "b", io::Split::kValidation, 1000});
  const io::TseStore store({write_rows(folder / "set.h5", {"a", "b"}, rows)});
  Config config;
  config.model.steps = asked;
  return steps_of(config, store);
}

TEST(DataSettings, StepsAreTheMedianLengthOfTrainingSamples) {
  EXPECT_EQ(steps_of_lengths({30, 10, 20}), 20);
  EXPECT_EQ(steps_of_lengths({40, 10, 30, 20}), 20);  // of two in the middle the shorter
  EXPECT_EQ(steps_of_lengths({12, 50}), 12);
  EXPECT_EQ(steps_of_lengths({17}), 17);
  EXPECT_EQ(steps_of_lengths({9, 9, 9, 60}), 9);
}

TEST(DataSettings, StepsStayWithinEightAndSixtyFour) {
  EXPECT_EQ(steps_of_lengths({1, 2, 3}), 8);
  EXPECT_EQ(steps_of_lengths({7}), 8);
  EXPECT_EQ(steps_of_lengths({8}), 8);
  EXPECT_EQ(steps_of_lengths({63}), 63);
  EXPECT_EQ(steps_of_lengths({64}), 64);
  EXPECT_EQ(steps_of_lengths({65}), 64);
  EXPECT_EQ(steps_of_lengths({2000, 3000, 4000}), 64);
  EXPECT_EQ(steps_of_lengths({}), 8);
}

TEST(DataSettings, StepsThatAreGivenStay) {
  EXPECT_EQ(steps_of_lengths({30, 10, 20}, 3), 3);
  EXPECT_EQ(steps_of_lengths({30, 10, 20}, 100), 100);
}

// ---- train.epochs

std::int64_t epochs_of_samples(int samples, std::int64_t batch_size, std::int64_t asked = -1) {
  const TemporaryFolder folder;
  std::vector<Row> rows;
  add(rows, "a", samples);
  add(rows, "b", 500, io::Split::kTest);
  const io::TseStore store({write_rows(folder / "set.h5", {"a", "b"}, rows)});
  Config config;
  config.train.epochs = asked;
  config.train.batch_size = batch_size;
  return epochs_of(config, store);
}

TEST(DataSettings, EpochsMakeThreeHundredStepsOfTrainingSamples) {
  EXPECT_EQ(epochs_of_samples(320, 32), 30);  // ten steps each
  EXPECT_EQ(epochs_of_samples(321, 32), 28);  // eleven: 308 steps
  EXPECT_EQ(epochs_of_samples(60, 5), 25);
}

TEST(DataSettings, EpochsStayWithinTwelveAndSixty) {
  EXPECT_EQ(epochs_of_samples(1, 32), 60);
  EXPECT_EQ(epochs_of_samples(1, std::numeric_limits<std::int64_t>::max()), 60);
  EXPECT_EQ(epochs_of_samples(160, 32), 60);
  EXPECT_EQ(epochs_of_samples(25, 1), 12);
  EXPECT_EQ(epochs_of_samples(400, 1), 12);
}

TEST(DataSettings, EpochsThatAreGivenStay) {
  EXPECT_EQ(epochs_of_samples(10, 32, 0), 0);
  EXPECT_EQ(epochs_of_samples(10, 32, 500), 500);
}

// ---- data.holdout

class HoldOut : public ::testing::Test {
 protected:
  HoldOut() {
    // Classes alternate, and are of different size.
    for (int n = 0; n < 20; ++n) {
      add(rows_, "large", 1);
      if (n < 10) add(rows_, "middle", 1);
      if (n < 2) add(rows_, "small", 1);
      if (n < 1) add(rows_, "single", 1);
    }
    add(rows_, "large", 3, io::Split::kTest);
  }

  /// A store of the rows, of which `share` is held out.
  io::TseStore held_out(const std::filesystem::path& file, double share, std::int64_t seed = 0,
                        const std::vector<std::string>& classes = {"large", "middle", "small", "single"}) {
    if (!std::filesystem::exists(file)) write_rows(file, classes, rows_);
    io::TseStore store({file});
    taken_ = hold_out(store, config(share, seed)).samples;
    return store;
  }

  static Config config(double share, std::int64_t seed) {
    Config config;
    config.samples.holdout = share;
    config.train.seed = seed;
    return config;
  }

  static std::map<std::string, std::int64_t> counts(const io::TseStore& store, io::Split split) {
    std::map<std::string, std::int64_t> counts;
    for (const std::int64_t sample : store.samples_of(split)) ++counts[store.class_name(sample)];
    return counts;
  }

  static std::set<std::string> ids(const io::TseStore& store) {
    std::set<std::string> ids;
    for (const std::int64_t sample : store.samples_of(io::Split::kValidation)) ids.insert(store.id(sample));
    return ids;
  }

  TemporaryFolder folder_;
  std::vector<Row> rows_;
  std::int64_t taken_ = 0;
};

using Counts = std::map<std::string, std::int64_t>;

TEST_F(HoldOut, TakesItsShareOfEveryClass) {
  const io::TseStore store = held_out(folder_ / "set.h5", 0.25);  // of 20, 10, 2 and 1
  EXPECT_EQ(counts(store, io::Split::kValidation), (Counts{{"large", 5}, {"middle", 3}, {"small", 1}}));
  EXPECT_EQ(counts(store, io::Split::kTrain), (Counts{{"large", 15}, {"middle", 7}, {"small", 1}, {"single", 1}}));
  EXPECT_EQ(counts(store, io::Split::kTest), (Counts{{"large", 3}}));
  EXPECT_EQ(taken_, 9);
}

TEST_F(HoldOut, NeverTakesTheLastOfAClass) {
  const io::TseStore store = held_out(folder_ / "set.h5", 0.9);
  EXPECT_EQ(counts(store, io::Split::kTrain), (Counts{{"large", 2}, {"middle", 1}, {"small", 1}, {"single", 1}}));
  EXPECT_NO_THROW(store.require_training_samples());
}

TEST_F(HoldOut, TakesNothingOfTooSmallAShare) {
  const io::TseStore store = held_out(folder_ / "set.h5", 0.02);  // 0.4 of 20
  EXPECT_EQ(taken_, 0);
  EXPECT_EQ(store.samples_of(io::Split::kTrain).size(), 33U);
  static_cast<void>(held_out(folder_ / "set.h5", 0));
  EXPECT_EQ(taken_, 0);
}

TEST_F(HoldOut, TakesNothingWhereThereIsAValSplit) {
  add(rows_, "small", 1, io::Split::kValidation);
  const io::TseStore store = held_out(folder_ / "set.h5", 0.5);
  EXPECT_EQ(taken_, 0);
  EXPECT_EQ(counts(store, io::Split::kValidation), (Counts{{"small", 1}}));
}

TEST_F(HoldOut, DrawsTheSameAgainAndAnotherByAnotherSeed) {
  const std::set<std::string> first = ids(held_out(folder_ / "set.h5", 0.3, 7));
  EXPECT_EQ(ids(held_out(folder_ / "set.h5", 0.3, 7)), first);
  EXPECT_NE(ids(held_out(folder_ / "set.h5", 0.3, 8)), first);
  // What it drew is no matter of chance from one version to the next: evaluation draws again what training drew.
  EXPECT_EQ(ids(held_out(folder_ / "set.h5", 0.1, 0)), (std::set<std::string>{"large-13", "large-26", "middle-1"}));
}

TEST_F(HoldOut, DrawsTheSameWhateverTheOrderOfClasses) {
  const std::set<std::string> first = ids(held_out(folder_ / "set.h5", 0.3, 3));
  EXPECT_EQ(ids(held_out(folder_ / "turned.h5", 0.3, 3, {"single", "small", "middle", "large"})), first);
  io::TseStore adopted({folder_ / "set.h5"});  // as evaluation does
  adopted.adopt_classes({"middle", "unknown", "large", "small"});
  static_cast<void>(hold_out(adopted, config(0.3, 3)));
  EXPECT_EQ(ids(adopted), first);
}

TEST_F(HoldOut, DoesNotDrawTheSamePlacesOfEveryClass) {
  rows_.clear();
  add(rows_, "a", 40);
  add(rows_, "b", 40);
  const io::TseStore store = held_out(folder_ / "set.h5", 0.5, 0, {"a", "b"});
  std::map<std::string, std::set<std::int64_t>> places;
  for (const std::int64_t sample : store.samples_of(io::Split::kValidation)) {
    places[store.class_name(sample)].insert(sample % 40);
  }
  EXPECT_NE(places.at("a"), places.at("b"));
}

/// Evaluation may meet a sample that training left out, or the other way round.
TEST_F(HoldOut, DoesNotHangOnWhatIsLeftOut) {
  const std::set<std::string> first = ids(held_out(folder_ / "set.h5", 0.3, 5));
  io::TseStore store({folder_ / "set.h5"});
  const std::int64_t left_out = 7;
  store.leave_out({left_out});
  static_cast<void>(hold_out(store, config(0.3, 5)));
  std::set<std::string> expected = first;
  expected.erase(store.id(left_out));
  EXPECT_EQ(ids(store), expected);
}

TEST_F(HoldOut, LeavesOneOfAClassWhoseOthersAreLeftOut) {
  rows_.clear();
  add(rows_, "a", 8);
  add(rows_, "b", 8);
  const std::filesystem::path file = write_rows(folder_ / "set.h5", {"a", "b"}, rows_);
  for (std::int64_t only = 0; only < 8; ++only) {
    io::TseStore store({file});
    std::vector<std::int64_t> others;
    for (std::int64_t n = 0; n < 8; ++n) {
      if (n != only) others.push_back(n);
    }
    store.leave_out(others);
    EXPECT_EQ(hold_out(store, config(0.5, 0)).samples, 4);
    EXPECT_EQ(counts(store, io::Split::kTrain), (Counts{{"a", 1}, {"b", 4}}));
  }
}

// ---- units

/// What samples look like to those who measure.
enum class Reading { kRows, kHalves, kBlocks };

class Spread : public ::testing::Test {
 protected:
  static constexpr std::int64_t kFeatures = 6;

  /// The spread [2F] of features and slopes, or [F] of features, where feature f is multiplied by units[f].
  std::vector<float> measure(const std::vector<float>& units, bool slopes, Reading reading = Reading::kBlocks) {
    std::vector<Row> rows;
    for (std::int64_t n = 0; n < 12; ++n) {
      rows.push_back({fmt::format("{}", n), n % 2 == 0 ? "a" : "b", {}, 1 + 7 * n});
    }
    std::mt19937 generator(3);
    std::normal_distribution<float> draw;
    const auto type = reading == Reading::kHalves ? io::FeatureType::kFloat16 : io::FeatureType::kFloat32;
    const std::filesystem::path file = write_rows(
        folder_ / fmt::format("set-{}.h5", ++written_), {"a", "b"}, rows, kFeatures,
        [&](std::size_t sample, std::int64_t step, std::int64_t f) {
          if (still_) return 3 * std::sin(static_cast<float>(sample) + units[static_cast<std::size_t>(f)]);
          if (rounded_ && f >= 3) return 1000 + 1e-4F * draw(generator);
          if (slow_ && f >= 3) {  // from sample to sample, and hardly from step to step
            return 3 * std::sin(static_cast<float>(step) / 500 + static_cast<float>(sample));
          }
          const float wave = 3 * std::sin(static_cast<float>(step) / static_cast<float>(2 + 3 * f));
          const float noise = slow_ ? 0 : 0.2F * draw(generator);
          const float value = (wave + noise) * units[static_cast<std::size_t>(f)];
          return io::widen_half(io::narrow_to_half(value));
        },
        type);
    const io::SampleLayout* const layout = reading != Reading::kBlocks ? nullptr
                                           : slopes                    ? &kBlockedSlopesLayout
                                                                       : &kBlockedLayout;
    Dataset dataset(io::TseStore({file}), SampleNeeds{layout, {}, slopes}, io::SampleCache::kNone, Config{},
                    Dataset::wait_for_files);
    const std::unique_ptr<dist::Communicator> alone = dist::make_self_communicator();
    return measure_spread(dataset, *alone, Config{});
  }

  TemporaryFolder folder_;
  int written_ = 0;
  bool slow_ = false;     ///< half of the features hardly change within a sample
  bool still_ = false;    ///< none does
  bool rounded_ = false;  ///< half of them hold nothing but roundings
};

TEST_F(Spread, SlopesOfRoundingsCountAsTheOthers) {
  const std::vector<float> ones(kFeatures, 1), clean = measure(ones, true);
  rounded_ = true;
  const std::vector<float> found = measure(ones, true);
  for (std::size_t f = 0; f < 6; ++f) {
    EXPECT_EQ(found[6 + f], found[6]);
    EXPECT_GT(found[6 + f], clean[6] / 2);
  }
}

TEST_F(Spread, SlopesThatNowhereVaryHaveTheSpreadOfTheirFeatures) {
  still_ = true;
  const std::vector<float> found = measure(std::vector<float>(kFeatures, 1), true);
  for (std::size_t f = 0; f < 6; ++f) EXPECT_EQ(found[6 + f], found[f]);
  EXPECT_NE(found[6], 1);
}

TEST_F(Spread, OfFeaturesIsTheSameWithSlopesAndOfSlopesIsSmaller) {
  const std::vector<float> ones(kFeatures, 1), plain = measure(ones, false), with = measure(ones, true);
  ASSERT_EQ(plain.size(), 6U);
  ASSERT_EQ(with.size(), 12U);
  EXPECT_EQ(std::vector<float>(with.begin(), with.begin() + 6), plain);
  for (std::size_t f = 0; f < 6; ++f) {
    EXPECT_EQ(plain[f], plain[0]);  // one unit
    EXPECT_EQ(with[6 + f], with[6]);
  }
  EXPECT_LT(with[6], plain[0] / 2);
  EXPECT_GT(with[6], plain[0] / 100);
}

/// Features x 1000 in a part, as where data of two sensors were put together.
TEST_F(Spread, SlopesHaveTheUnitsOfTheirFeatures) {
  const std::vector<float> mixed{1, 1024, 1, 1024, 1, 1024};
  const std::vector<float> one = measure(std::vector<float>(kFeatures, 1), true), two = measure(mixed, true);
  for (std::size_t first : {0U, 6U}) {
    for (std::size_t f = 0; f < 6; ++f) EXPECT_EQ(two[first + f], two[first + f % 2]) << first + f;
    // A unit's geometric mean is that of half of the features now, and the mean of both that of all.
    EXPECT_NEAR(std::sqrt(two[first] * two[first + 1] / 1024), one[first], 1e-3F * one[first]);
    EXPECT_GT(two[first + 1], 200 * two[first]);
  }
}

/// Their spreads alone would make two units of them.
TEST_F(Spread, SlopesOfOneUnitAreOneHoweverTheyDiffer) {
  slow_ = true;
  const std::vector<float> found = measure(std::vector<float>(kFeatures, 1), true);
  for (std::size_t f = 0; f < 6; ++f) {
    EXPECT_EQ(found[f], found[0]);
    EXPECT_EQ(found[6 + f], found[6]);
  }
  EXPECT_GT(found[6], 0.005F);  // of about 0.006 and 1, the geometric mean
  EXPECT_LT(found[6], 0.5F);
}

/// Half of the features are constant: these count as the geometric mean of the others, and so do their slopes.
TEST_F(Spread, OfWhatDoesNotVaryIsThatOfTheOthers) {
  const std::vector<float> some = measure({1, 0, 1, 0, 1, 0}, true);
  for (std::size_t first : {0U, 6U}) {
    for (std::size_t f = 0; f < 6; ++f) EXPECT_NEAR(some[first + f], some[first], 1e-6F * some[first]);
    EXPECT_GT(some[first], 0);
  }
}

TEST_F(Spread, IsTheSameHoweverSamplesAreRead) {
  for (const bool slopes : {false, true}) {
    const std::vector<float> units{1, 1, 1, 1, 1, 1}, blocks = measure(units, slopes);
    EXPECT_EQ(measure(units, slopes, Reading::kRows), blocks);
    EXPECT_EQ(measure(units, slopes, Reading::kHalves), blocks);
  }
}

// ---- features with slopes

TEST(SampleFeatures, AreTheSameFromRowsHalvesAndBlocks) {
  for (const std::int64_t length : {1, 2, 5, 36, 61}) {
    for (const std::int64_t feature_dim : {1, 3, 15, 16, 17}) {
      std::mt19937 generator(1);
      std::normal_distribution<float> draw;
      std::vector<std::uint16_t> halves;
      std::vector<float> rows;
      for (std::int64_t n = 0; n < length * feature_dim; ++n) {
        halves.push_back(io::narrow_to_half(draw(generator)));
        rows.push_back(io::widen_half(halves.back()));
      }
      std::vector<float> wide(2 * rows.size());
      kernels::cpu::append_slopes(rows.data(), length, feature_dim, wide.data());
      std::vector<float> blocks(static_cast<std::size_t>(kBlockedSlopesLayout.count(length, feature_dim)) + 16);
      auto* const aligned = reinterpret_cast<float*>((reinterpret_cast<std::uintptr_t>(blocks.data()) + 63) / 64 * 64);
      kBlockedSlopesLayout.arrange(rows.data(), length, feature_dim, aligned);
      const SampleFeatures of_rows{rows.data(), length, feature_dim, false, nullptr, true};
      const SampleFeatures of_halves{nullptr, length, feature_dim, false, halves.data(), true};
      const SampleFeatures of_blocks{aligned, length, feature_dim, true, nullptr, true};
      ASSERT_EQ(of_rows.width(), 2 * feature_dim);
      for (std::int64_t step = 0; step < length; ++step) {
        for (std::int64_t f = 0; f < 2 * feature_dim; ++f) {
          const float expected = wide[static_cast<std::size_t>(2 * step * feature_dim + f)];
          ASSERT_EQ(of_rows.at(step, f), expected) << "T=" << length << " F=" << feature_dim;
          ASSERT_EQ(of_halves.at(step, f), expected) << "T=" << length << " F=" << feature_dim;
          ASSERT_EQ(of_blocks.at(step, f), expected) << "T=" << length << " F=" << feature_dim;
        }
      }
    }
  }
}

}  // namespace
}  // namespace alignment::dejavid
