#include "io/formats/text/csv.hpp"

#include <gtest/gtest.h>

#include "io/errors.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io {
namespace {

std::vector<CsvRecord> parse(const std::string& text) {
  const TemporaryFolder folder;
  write_file(folder / "m.csv", text);
  return read_csv(folder / "m.csv");
}

TEST(Csv, ReadsQuotesLineEndsAndAByteOrderMark) {
  const auto records = parse("\xEF\xBB\xBFid,file\r\n\"a,b\",\"say \"\"x\"\"\"\r\n\r\n\"two\nlines\",\nlast,end");
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].fields, (std::vector<std::string>{"id", "file"}));
  EXPECT_EQ(records[1].fields, (std::vector<std::string>{"a,b", "say \"x\""}));
  EXPECT_EQ(records[2].fields, (std::vector<std::string>{"two\nlines", ""}));
  EXPECT_EQ(records[2].line, 4);
  EXPECT_EQ(records[3].fields, (std::vector<std::string>{"last", "end"}));
  EXPECT_EQ(records[3].line, 6);
}

TEST(Csv, KeepsEmptyFields) {
  EXPECT_EQ(parse(",,\n").front().fields, (std::vector<std::string>{"", "", ""}));
  EXPECT_EQ(parse("a,\"\"").front().fields, (std::vector<std::string>{"a", ""}));
  EXPECT_TRUE(parse("").empty());
}

TEST(Csv, RefusesQuotesOutOfPlace) {
  for (const std::string text : {"a\n\"open", "a\nb\"c", "a\n\"b\"c", "a\nb\rc"}) {
    EXPECT_NE(message_of<StoreError>([&] { parse(text); }).find("m.csv:line 2"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace alignment::io
