// Which exit code and line every kind of error becomes.
#include "src/job/exit_code.hpp"

#include <gtest/gtest.h>

#include <new>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "io/errors.hpp"
#include "src/config/error.hpp"

namespace alignment {
namespace {

template <typename Error>
dist::Failure described(const Error& error) {
  return describe(std::make_exception_ptr(error));
}

TEST(Failure, EveryErrorHasItsExitCodeAndKeepsItsLine) {
  const auto expect = [](const dist::Failure& failure, int code) {
    EXPECT_EQ(failure.code, code);
    EXPECT_EQ(failure.message, "what was found");
  };
  expect(described(ConfigError("what was found")), 2);
  expect(described(dist::LaunchError("what was found")), 2);
  expect(described(io::StoreError("what was found")), 10);
  expect(described(io::ModelFileError("what was found")), 11);
  expect(described(io::NotFiniteError("what was found")), 12);
  expect(described(io::WriteError("what was found")), 13);
  expect(described(dist::TimeoutError("what was found")), 14);
  expect(described(dist::RankLostError("what was found")), 15);
  expect(described(dist::AgreedFailure({12, "what was found"}, dist::Rank{3})), 12);
  expect(described(std::runtime_error("what was found")), 1);
}

TEST(Failure, OtherErrorsSayWhatTheyCan) {
  EXPECT_EQ(described(std::bad_alloc()).code, 1);
  EXPECT_NE(described(std::bad_alloc()).message.find("memory: found too little"), std::string::npos);
  EXPECT_EQ(described(std::length_error("vector::_M_default_append")).message, described(std::bad_alloc()).message);
  EXPECT_EQ(described(42).code, 1);
  EXPECT_FALSE(described(42).message.empty());
}

TEST(Failure, AMessageIsOneLine) {
  EXPECT_EQ(described(io::StoreError("a\nb\nc")).message, "a b c");
}

TEST(Failure, TheAdviceOnMemoryIsInTheWordsOfTheProgram) {
  advise_on_memory("use a smaller pot");
  EXPECT_EQ(described(std::bad_alloc()).message,
            "memory: found too little; expected room for the model, its gradients and the batches; use a smaller pot");
}

TEST(Failure, TheHelpPageNamesEveryExitCode) {
  std::set<int> numbers;
  std::istringstream words{std::string(kExitCodesInHelp)};
  for (std::string word; words >> word;) {
    if (word.find_first_not_of("0123456789") == std::string::npos) numbers.insert(std::stoi(word));
  }
  std::set<int> codes;
  for (const ExitCode code :
       {ExitCode::kDone, ExitCode::kOther, ExitCode::kUsage, ExitCode::kStore, ExitCode::kModel, ExitCode::kNotFinite,
        ExitCode::kCannotWrite, ExitCode::kTimeout, ExitCode::kRankLost, ExitCode::kStopped}) {
    codes.insert(static_cast<int>(code));
  }
  EXPECT_EQ(numbers, codes);
}

}  // namespace
}  // namespace alignment
