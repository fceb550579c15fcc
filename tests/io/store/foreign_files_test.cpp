// Stores and models that this project did not write, made by foreign_files.py: each is either read exactly or refused
// with a message that says what is wrong.
#include <fmt/format.h>

#include <sstream>

#include "src/dejavid/model/model_file.hpp"
#include "tests/io/io_fixtures.hpp"

namespace alignment::io::testing {
namespace {

struct Case {
  std::string name, phase;
  std::vector<std::string> says;
};

std::vector<std::string> divide(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

std::vector<Case> cases_of(const std::filesystem::path& list) {
  std::vector<Case> cases;
  std::ifstream stream(list);
  for (std::string line; std::getline(stream, line);) {
    const auto fields = divide(line, '\t');
    if (fields.size() < 2) throw std::runtime_error("a bad line: " + line);
    cases.push_back({fields[0], fields[1], fields.size() > 2 ? divide(fields[2], '|') : std::vector<std::string>{}});
  }
  return cases;
}

class ForeignFiles : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    const auto python = source_root() / ".venv" / "bin" / "python";
    if (!std::filesystem::exists(python)) return;
    const auto command =
        fmt::format("'{}' '{}' '{}'", python.string(), (source_root() / "tests/io/store/foreign_files.py").string(),
                    folder_->path().string());
    made_ = std::system(command.c_str()) == 0;  // NOLINT(concurrency-mt-unsafe,cert-env33-c): the test's own command
    ASSERT_TRUE(made_) << command;
  }
  static void TearDownTestSuite() { delete folder_; }
  void SetUp() override {
    if (!made_) GTEST_SKIP() << "no .venv/bin/python under DEJAVID_SOURCE to make the files with";
  }

  static inline TemporaryFolder* folder_ = nullptr;
  static inline bool made_ = false;
};

void expect_values(TseStore& store) {
  const std::vector<std::int64_t> lengths{2, 3, 1, 4, 2};
  ASSERT_EQ(store.sample_count(), 5);
  float row = 0;
  for (std::int64_t n = 0; n < 5; ++n) {
    ASSERT_EQ(store.length(n), lengths[static_cast<std::size_t>(n)]);
    const auto values = read_features(store, n);
    for (std::size_t at = 0; at < values.size(); at += 4, row += 1) {
      for (std::size_t column = 0; column < 4; ++column)
        ASSERT_EQ(values[at + column], row + 0.25F * static_cast<float>(column)) << n;
    }
  }
}

void read_all(TseStore& store) {
  for (std::int64_t n = 0; n < store.sample_count(); ++n) {
    static_cast<void>(read_features(store, n));
    if (store.has_frame_labels()) static_cast<void>(store.read_frame_labels(n));
    if (store.has_timestamps()) static_cast<void>(store.read_timestamps(n));
  }
}

TEST_F(ForeignFiles, Stores) {
  const auto cases = cases_of(*folder_ / "stores.tsv");
  ASSERT_GT(cases.size(), 80U);
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const auto file = *folder_ / one.name;
    if (one.phase == "ok") {
      try {
        TseStore store({file});
        expect_values(store);
        EXPECT_EQ(store.label(2), store.class_count() == 1 ? 0 : 2);
        EXPECT_EQ(store.split(4), Split::kTest);
        EXPECT_EQ(store.id(4), "e");
        const bool digested = one.name == "digests.h5" || one.name.starts_with("half") || one.name == "big_endian.h5";
        EXPECT_EQ(store.files_without_digests().empty(), digested);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    } else if (one.phase == "open") {
      expect_message(message_of<StoreError>([&] { TseStore({file}); }), file, one.says);
    } else {
      std::unique_ptr<TseStore> store;
      ASSERT_NO_THROW(store = std::make_unique<TseStore>(std::vector{file}));
      const bool not_finite = one.name != "wrong_digest.h5" && !one.name.starts_with("phase_");
      const auto read = [&] { read_all(*store); };
      expect_message(not_finite ? message_of<NotFiniteError>(read) : message_of<StoreError>(read), file, one.says);
    }
  }
}

TEST_F(ForeignFiles, Models) {
  const auto cases = cases_of(*folder_ / "models.tsv");
  ASSERT_GT(cases.size(), 15U);
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const auto file = *folder_ / one.name;
    const auto read = [&] { static_cast<void>(dejavid::read_model(file)); };
    if (one.phase == "open") {
      expect_message(message_of<ModelFileError>(read), file, one.says);
    } else if (one.phase == "read") {
      expect_message(message_of<NotFiniteError>(read), file, one.says);
    } else {
      const auto model = dejavid::read_model(file);
      ASSERT_EQ(model.classes, 3);
      ASSERT_EQ(model.steps, 2);
      ASSERT_EQ(model.feature_dim, 4);
      for (std::size_t n = 0; n < 24; ++n) {
        EXPECT_EQ(model.centroids[n], static_cast<float>(n));
        EXPECT_EQ(model.log_weights[n], -static_cast<float>(n));
      }
      EXPECT_EQ(model.class_names, (std::vector<std::string>{"one", "two", "three"}));
      EXPECT_FALSE(model.diagonal);
      EXPECT_EQ(model.epoch, -1);
      EXPECT_EQ(model.config, "");
      EXPECT_FALSE(model.training.has_value());
    }
  }
}

}  // namespace
}  // namespace alignment::io::testing
