#include "io/formats/text/feature_table.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "io/errors.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io {
namespace {

using namespace std::string_literals;

FeatureMatrix parse(const std::string& text) {
  const TemporaryFolder folder;
  write_file(folder / "f.csv", text);
  const FeatureMatrix matrix = read_feature_table(folder / "f.csv");
  EXPECT_EQ(read_feature_table_dim(folder / "f.csv"), matrix.feature_dim);
  return matrix;
}

void expect_values(const std::string& text, std::int64_t steps, std::int64_t feature_dim,
                   const std::vector<float>& values) {
  const FeatureMatrix matrix = parse(text);
  EXPECT_EQ(matrix.steps, steps) << text;
  EXPECT_EQ(matrix.feature_dim, feature_dim) << text;
  EXPECT_EQ(matrix.values, values) << text;
}

template <typename Error>
void expect_refused(const std::string& text, const std::vector<std::string>& words) {
  const std::string message = message_of<Error>([&] { parse(text); });
  for (const std::string& word : words) {
    EXPECT_NE(message.find(word), std::string::npos) << "'" << word << "' is not in: " << message;
  }
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_NE(message.find("f.csv"), std::string::npos) << message;
}

TEST(FeatureTable, ReadsRowsOfNumbersWithAndWithoutHeadings) {
  const std::vector<float> values{0.5F, -1, 2000, 0.25F, 7, 0};
  for (const std::string heading : {"", "a,b,c\n", "\"a, x\",\"b\",c\r\n", "# a,b,c\n", "\n\na,b,c\n"}) {
    expect_values(heading + "0.5,-1,2e3\n0.25,+7,1e-400\n", 2, 3, values);
    expect_values(heading + " 0.5 ,\t-1,\"2e3\"\r\n\r\n0.25,7,0", 2, 3, values);
    expect_values("\xEF\xBB\xBF" + heading + "0.5,-1,2e3\n\n0.25,7,0\n\n", 2, 3, values);
  }
  expect_values("x\n1\n2\n", 2, 1, {1, 2});
  expect_values("1,2\n", 1, 2, {1, 2});
  expect_values("0,1\n1,0\n", 2, 2, {0, 1, 1, 0});  // whole numbers throughout
  expect_values("0.0,5\n1.0,6\n2.0,7\n", 3, 2, {0, 5, 1, 6, 2, 7});
}

TEST(FeatureTable, HandsOverHeadings) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(parse("1,2\n").headings, Names());
  EXPECT_EQ(parse("# left ,\"right, #\"\n1,2\n").headings, (Names{"left", "right, #"}));
  EXPECT_EQ(parse("left,\n1,2\n").headings, (Names{"left", ""}));
}

TEST(FeatureTable, HandsOverWhatIsWrittenAsNotFinite) {
  const FeatureMatrix matrix = parse("nan,1\nNaN,-inf\n");
  EXPECT_TRUE(std::isnan(matrix.values[0]) && std::isnan(matrix.values[2]));
  EXPECT_EQ(matrix.values[3], -INFINITY);
  expect_refused<NotFiniteError>("1,2\n3,1e39\n", {"line 2", "1e39", "column 2", "f32"});
  expect_refused<NotFiniteError>("a\n-1e400\n", {"line 2", "-1e400"});
}

TEST(FeatureTable, RefusesWhatIsNoTableOfNumbers) {
  expect_refused<StoreError>("a,b\n", {"no row of numbers"});
  expect_refused<StoreError>("\n\n", {"no row of numbers"});
  expect_refused<StoreError>("1,2\n\n3\n", {"line 3", "1 columns", "2 as in line 1"});
  expect_refused<StoreError>("a,b\n1,2,3\n", {"line 2", "3 columns", "2 as in line 1"});
  expect_refused<StoreError>("1,2\n3,\n", {"line 2", "nothing in column 2"});
  expect_refused<StoreError>("1,2\n3,NA\n", {"line 2", "'NA' in column 2", "nan"});
  expect_refused<StoreError>("NA,NA\n1,2\n", {"line 1", "'NA' in column 1"});  // no heading
  expect_refused<StoreError>("a,b\nc,d\n1,2\n", {"line 2", "'c' in column 1"});
  expect_refused<StoreError>("time,0,1\n1,2,3\n", {"line 1", "'time' in column 1"});
  expect_refused<StoreError>("1,0x10\n", {"'0x10'"});
  expect_refused<StoreError>("1,2\n3,\x01"s + "4\n", {"line 2"});
  expect_refused<StoreError>("1,2\n3,\"4\n", {"line 2", "never closed"});
  expect_refused<StoreError>("1,2\r3,4\r", {"carriage return"});
}

TEST(FeatureTable, TakesMisspeltNumbersForNoHeadings) {
  for (const std::string row :
       {"−0.5,−0.25", "0x10,0x11", "1_000,2_000", "1d0,2d0", "1.0f,2.0f", "١,٢", "۱,۲", "１,２", "(1),(2)", "$1,$2",
        "€1,€2", "1%,2%", "\"1,5\",\"2,5\"", "-,-", "?,?", "#1.0f,2.0f", "×1,÷2", "\xC2\xA0,\xC2\xA0", "NA,-"}) {
    expect_refused<StoreError>(row + "\n1,2\n", {"line 1", "in column 1", "begin with a letter"});
  }
  for (const std::string row :
       {"x,-", "_1,_2", "# 1st,second", "Ärmel,Öse", "ширина,2я", "λ,σ", "幅,高さ", "ا,ب", "너비,높이"}) {
    expect_values(row + "\n1,2\n", 1, 2, {1, 2});
  }
}

TEST(FeatureTable, RefusesOtherSeparators) {
  expect_refused<StoreError>("1.5;2.5\n", {"semicolons"});
  expect_refused<StoreError>("a;b\n1,5;2,5\n", {"semicolons"});
  expect_refused<StoreError>("1,5;2,5\n", {"line 1", "semicolons"});
  expect_refused<StoreError>("1\t2\n", {"tabs"});
  expect_refused<StoreError>("1.0 2.0\n", {"blanks", "delimiter"});
}

TEST(FeatureTable, RefusesNumbersThatCountRowsOrColumns) {
  expect_refused<StoreError>(",a,b\n0,0.5,1.5\n", {"line 1", "no heading", "index=False"});
  expect_refused<StoreError>(",0,1\n0,0.5,1.5\n", {"line 1", "no heading", "index=False"});
  expect_refused<StoreError>("0,1,2\n0.5,1.5,2.5\n", {"line 1", "0 to 2", "header=False"});
  expect_refused<StoreError>("0,1\n0.5,1.5\n", {"line 1", "0 to 1", "header=False"});
  expect_refused<StoreError>("0,0.5\n1,0.5\n2,0.5\n", {"line 1", "0 to 2", "first column", "index=False"});
  expect_refused<StoreError>("frame,a\n1,0.5\n2,0.5\n3,0.5\n", {"line 2", "1 to 3", "first column"});
}

}  // namespace
}  // namespace alignment::io
