// A GoogleTest program in which every rank runs every test. All ranks leave with the same code, a failure where any
// test of any rank failed; rank 0 prints as usual, the others their failures only.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <span>

#include "dist/communicator.hpp"
#include "dist/mpi/session.hpp"

namespace {

class FailurePrinter : public testing::EmptyTestEventListener {
 public:
  explicit FailurePrinter(int rank) : rank_(rank) {}

 private:
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_, result.file_name(), result.line_number(), result.message());
  }
  int rank_;
};

}  // namespace

int main(int argument_count, char** arguments) {
  testing::InitGoogleTest(&argument_count, arguments);
  constexpr std::chrono::seconds kTimeout{60};
  alignment::dist::MpiSession session(argument_count, arguments, kTimeout);
  const auto communicator = alignment::dist::make_mpi_communicator(kTimeout);
  if (!communicator->is_root()) {
    testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailurePrinter(communicator->rank().value));
  }
  std::array<std::int32_t, 1> failed{RUN_ALL_TESTS() != 0 ? 1 : 0};
  communicator->all_reduce(std::span<std::int32_t>(failed), alignment::dist::Reduction::kMax);
  return failed[0];
}
