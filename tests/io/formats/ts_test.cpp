#include "io/formats/text/ts.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "io/errors.hpp"
#include "tests/io/formats/read_all.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io {
namespace {

const std::string kHeader =
    "@problemName Toy\n@timeStamps false\n@univariate false\n@dimensions 2\n@equalLength false\n@classLabel true up "
    "down\n@data\n";

class Ts : public ::testing::Test {
 protected:
  std::vector<SourceSample> read(const std::string& train, const std::optional<std::string>& test = {}) {
    write_file(folder_ / "train.ts", train);
    std::optional<std::filesystem::path> test_file;
    if (test) {
      test_file = folder_ / "test.ts";
      write_file(*test_file, *test);
    }
    const auto source = open_ts(folder_ / "train.ts", test_file);
    header_ = source->header();
    notes_ = source->notes();
    return read_all(*source);
  }
  template <typename Error = StoreError>
  void expect_refused(const std::string& train, const std::vector<std::string>& words,
                      const std::optional<std::string>& test = {}) {
    const std::string message = message_of<Error>([&] { read(train, test); });
    for (const std::string& word : words) {
      EXPECT_NE(message.find(word), std::string::npos) << "'" << word << "' is not in: " << message;
    }
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }

  TemporaryFolder folder_;
  TseStoreHeader header_;
  std::vector<std::string> notes_;
};

std::vector<std::int32_t> labels_of(const std::vector<SourceSample>& samples) {
  std::vector<std::int32_t> labels;
  for (const SourceSample& sample : samples) {
    labels.push_back(sample.label);
  }
  return labels;
}

TEST_F(Ts, ReadsDimensionsAsColumnsAndRaggedSamples) {
  const auto samples = read(kHeader + "1,2,3:4,5,6:up\n-1.5,2.5e-3:+7,1E2:down\n", kHeader + "9:8:down\n");
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(header_.feature_dim, 2);
  EXPECT_EQ(header_.class_names, (std::vector<std::string>{"up", "down"}));
  EXPECT_EQ(header_.source, "Toy");
  EXPECT_EQ(samples[0].features, (std::vector<float>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(samples[0].label, 0);
  EXPECT_EQ(samples[0].id, "train_train_000000");
  EXPECT_EQ(samples[0].split, Split::kTrain);
  EXPECT_EQ(samples[1].features, (std::vector<float>{-1.5F, 7, 2.5e-3F, 100}));
  EXPECT_EQ(samples[1].label, 1);
  EXPECT_EQ(samples[2].features, (std::vector<float>{9, 8}));
  EXPECT_EQ(samples[2].id, "train_test_000000");
  EXPECT_NE(samples[2].origin.find("test.ts:line 8"), std::string::npos) << samples[2].origin;
  EXPECT_EQ(samples[2].split, Split::kTest);
}

TEST_F(Ts, TakesCommentsBlanksCarriageReturnsAndAnyCaseOfKeys) {
  const auto samples = read(
      "\xEF\xBB\xBF# a comment: with, marks\r\n\r\n@PROBLEMNAME Toy\r\n@MISSING false\r\n@Univariate "
      "TRUE\r\n@classlabel True  a   b\r\n"
      "@Data\r\n# between\r\n 1 , 2 ,3 : b \r\n\r\n4:a");
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(header_.feature_dim, 1);
  EXPECT_EQ(samples[0].features, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(samples[0].label, 1);
  EXPECT_EQ(samples[1].label, 0);
}

TEST_F(Ts, CountsDimensionsAndSortsLabelsWhereTheHeaderDoesNotSay) {
  const auto samples = read("@classLabel true\n@data\n1:2:3:b\n4:5:6:a\n", "@classLabel true\n@data\n1:2:3:10\n");
  EXPECT_EQ(header_.feature_dim, 3);
  EXPECT_EQ(header_.class_names, (std::vector<std::string>{"10", "a", "b"}));
  EXPECT_EQ(samples[0].label, 2);
}

TEST_F(Ts, ReadsTheSmallestNumbersAsZero) {
  EXPECT_EQ(read(kHeader + "1e-400:1e-60:up\n")[0].features, (std::vector<float>{0, 0}));
}

TEST_F(Ts, RefusesMissingAndNonFiniteValuesByLineAndSample) {
  for (const std::string value : {"?", "NaN", "nan", "inf", "-Infinity", "1e39", "1e999"}) {
    expect_refused<NotFiniteError>(kHeader + "1:2:up\n1," + value + ":2,3:down\n",
                                   {"train.ts", "line 9", "train_000001", "'" + value + "'", "dimension 1 step 2"});
  }
}

TEST_F(Ts, RefusesLinesThatDoNotFit) {
  expect_refused(kHeader + "1,2:3:up\n", {"line 8", "1 steps in dimension 2", "2 as in dimension 1"});
  expect_refused(kHeader + "1:3,4:up\n", {"2 steps in dimension 2"});
  expect_refused(kHeader + "1:up\n", {"line 8", "1 dimensions"});
  expect_refused(kHeader + "1:2:3:up\n", {"3 dimensions"});
  expect_refused(kHeader + "1:2\n", {"1 dimensions"});
  expect_refused(kHeader + "1:2:donw\n", {"'donw'", "nearest: 'down'"});
  expect_refused(kHeader + "1:x2:up\n", {"'x2'", "dimension 2 step 1"});
  expect_refused(kHeader + "1:1 2:up\n", {"'1 2'"});
  expect_refused(kHeader + "1:+-2:up\n", {"'+-2'"});
  expect_refused(kHeader + "1,:2,3:up\n", {"''", "dimension 1 step 2"});
  expect_refused(kHeader + "(0,1):(0,2):up\n", {"time-stamped"});
  expect_refused(kHeader, {"no samples"});
}

TEST_F(Ts, RefusesHeadersItCannotHonour) {
  expect_refused("@timeStamps true\n@classLabel true a b\n@data\n1:a\n", {"line 1", "time-stamped"});
  expect_refused("@targetLabel true\n@data\n1:0.5\n", {"regression"});
  expect_refused("@classLabel false\n@data\n1\n", {"@classLabel false"});
  expect_refused("@data\n1:a\n", {"no @classLabel"});
  expect_refused("@dimension many\n@classLabel true a b\n@data\n1:a\n", {"'many'", "positive integer"});
  expect_refused("@classLabels true a b\n@data\n1:a\n", {"no @classLabel", "@classLabels in line 1"});
  expect_refused("@classLabel true a b\n@class_label true b a\n@data\n1:a\n",
                 {"line 2", "second @classLabel", "line 1"});
  expect_refused("@classLabel true a,b,a\n@data\n1:b\n", {"line 1", "label twice"});
  expect_refused("@classLabel true up Up\n@data\n1:UP\n", {"line 3", "'UP'"});
  expect_refused("@classLabel true a stand up\n@data\n1:stand up\n", {"'stand up'", "blank"});
  expect_refused("@classLabel true a a\n@data\n1:a\n", {"label twice"});
  expect_refused("@missing perhaps\n@classLabel true a b\n@data\n1:a\n", {"'perhaps'", "true or false"});
  expect_refused("@classLabel true a b\n1:a\n", {"line 2", "before @data"});
  expect_refused("@classLabel true a b\n", {"no @data"});
  EXPECT_THROW(static_cast<void>(open_ts(folder_ / "absent.ts", {})), StoreError);
}

TEST_F(Ts, RefusesLengthsThatContradictTheHeader) {
  const std::string header = "@equalLength true\n@seriesLength 2\n@classLabel true a b\n@data\n";
  EXPECT_EQ(read(header + "1,2:a\n3,4:b\n").size(), 2U);
  expect_refused(header + "1,2:a\n3:b\n", {"line 6", "1 steps", "expected 2"});
  expect_refused("@equalLength true\n@classLabel true a b\n@data\n1,2:a\n3:b\n", {"line 5", "1 steps", "expected 2"});
}

TEST_F(Ts, RefusesTwoFilesThatDisagree) {
  std::string one_dimension = kHeader;
  one_dimension.replace(kHeader.find("@dimensions 2"), 13, "@dimensions 1");
  expect_refused(kHeader + "1:2:up\n", {"test.ts", "1 dimensions", "expected 2"}, one_dimension + "1:up\n");
  expect_refused(kHeader + "1:2:up\n", {"test.ts:line 4", "'left'", "train.ts"},
                 "@dimensions 2\n@classLabel true up left\n@data\n1:2:left\n");
}

TEST_F(Ts, ReadsHeadersAsAeonDoes) {
  const std::vector<std::string> names{"Walking", "b"};
  for (const std::string header :
       {"@problemName\tx\n@timeStamps\tfalse\n@classLabel\ttrue\tWalking\tb\n", "@classLabel true Walking,b\n",
        "@classLabel true Walking, b\n", "@class_label \t true  Walking b \n",
        "@targetLabel false\n@classLabel TRUE Walking b\n"}) {
    EXPECT_EQ(labels_of(read(header + "@data\n1:WALKING\n2:b\n3:walking\n4:Walking\n")),
              (std::vector<std::int32_t>{0, 1, 0, 0}))
        << header;
    EXPECT_EQ(header_.class_names, names) << header;
    EXPECT_TRUE(notes_.empty()) << header;
  }
}

TEST_F(Ts, LabelsOfOneSpellingButForCaseAreOneClassUnlessListed) {
  EXPECT_EQ(labels_of(read("@classLabel true up Up\n@data\n1:Up\n2:up\n")), (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(labels_of(read("@classLabel true\n@data\n1:up\n2:Down\n", "@classLabel true\n@data\n1:DOWN\n")),
            (std::vector<std::int32_t>{1, 0, 0}));
  EXPECT_EQ(header_.class_names, (std::vector<std::string>{"DOWN", "up"}));
  EXPECT_EQ(labels_of(read("@classLabel true a,b c\n@data\n1:c\n2:a,b\n")), (std::vector<std::int32_t>{1, 0}));
}

TEST_F(Ts, SaysWhichHeaderLinesItSkipped) {
  EXPECT_EQ(read("@description \"two words\"\n@classLabel true a b\n@author x\n@data\n1:a\n").size(), 1U);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_NE(notes_[0].find("train.ts: skipped unknown header lines: @description in line 1, @author in line 3"),
            std::string::npos)
      << notes_[0];
}

TEST_F(Ts, TakesClassesOfTheTestFileByName) {
  const std::string data = "@data\n1:c\n2:a\n";
  for (const std::string labels : {"true c a b", "true a c", "true", "true C A"}) {
    EXPECT_EQ(labels_of(read("@classLabel true a b c\n@data\n1:a\n1:b\n1:c\n", "@classLabel " + labels + "\n" + data)),
              (std::vector<std::int32_t>{0, 1, 2, 2, 0}))
        << labels;
    EXPECT_EQ(header_.class_names, (std::vector<std::string>{"a", "b", "c"}));
  }
}

}  // namespace
}  // namespace alignment::io
