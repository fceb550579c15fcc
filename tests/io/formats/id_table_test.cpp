#include "io/formats/text/id_table.hpp"

#include <gtest/gtest.h>

#include "io/errors.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io {
namespace {

using namespace std::string_literals;

class IdTables : public ::testing::Test {
 protected:
  IdTable read(const std::string& name, const std::string& content) {
    write_file(folder_ / name, content);
    return read_id_table(folder_ / name);
  }
  void expect_refused(const std::string& name, const std::string& content, const std::string& word) {
    const std::string message = message_of<StoreError>([&] { read(name, content); });
    EXPECT_NE(message.find(word), std::string::npos) << "'" << word << "' is not in: " << message;
    EXPECT_NE(message.find(name), std::string::npos) << message;
  }
  TemporaryFolder folder_;
};

TEST_F(IdTables, KeepsTheFilesOrder) {
  const IdTable table = read("a.json", R"({"z": 3, "a": -1, "m": "text"})");
  EXPECT_EQ(table.ids, (std::vector<std::string>{"z", "a", "m"}));
  EXPECT_EQ(table.integer("a", "label"), -1);
  EXPECT_EQ(table.text("m", "split"), "text");
  EXPECT_THROW(static_cast<void>(table.integer("m", "label")), StoreError);
  EXPECT_THROW(static_cast<void>(table.text("z", "split")), StoreError);
}

TEST_F(IdTables, TakesIntegerKeysAsText) {
  EXPECT_EQ(read("a.pkl", "}(K\x07K\x01J\xff\xff\xff\xffK\x02u."s).ids, (std::vector<std::string>{"7", "-1"}));
}

TEST_F(IdTables, RefusesWhatIsNoPlainDict) {
  expect_refused("a.json", "[1, 2]", "JSON array");
  expect_refused("a.json", "{\"a\": 1", "no JSON");
  expect_refused("a.json", "{}", "empty");
  expect_refused("a.json", R"({"a\u0000": 1})", "NUL");
  expect_refused("a.json", R"({"a": 1.5})", "neither an integer nor a text");
  expect_refused("a.json", R"({"a": true})", "neither an integer nor a text");
  expect_refused("a.json", R"({"a": {"b": 1}})", "neither an integer nor a text");
  expect_refused("a.json", R"({"a": 18446744073709551615})", "neither an integer nor a text");
  expect_refused("a.json", R"({"a": 1, "b": 2, "a": 3})", "3 keys but 2");
  expect_refused("a.pkl",
                 "](K\x01K\x02"
                 "e.",
                 "no dict");
  expect_refused("a.pkl", "}K\x01Ns.", "neither an integer nor a text");
  expect_refused("a.pkl", "}NK\x01s.", "key");
  expect_refused("a.pkl",
                 "}(K\x01K\x01U\x01"
                 "1K\x02u.",
                 "twice");
  EXPECT_THROW(static_cast<void>(read_id_table(folder_ / "absent.pkl")), StoreError);
}

}  // namespace
}  // namespace alignment::io
