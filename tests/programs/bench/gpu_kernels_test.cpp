#include "src/programs/dejavid_bench/problems/gpu_kernels.hpp"

#include <gtest/gtest.h>

namespace alignment::dejavid::bench {
namespace {

TEST(GpuKernels, AgreeWithTheReference) {
  if (!has_gpu()) GTEST_SKIP() << "found no GPU; the preset cpu runs this on an emulated one";
  for (const Shape& shape : {Shape{"", 19, 8, 150, 33, 4}, Shape{"", 3, 40, 40, 9, 5}, Shape{"", 2, 1, 1, 1, 1}}) {
    EXPECT_EQ(find_gpu_disagreement(shape), std::nullopt) << to_string(shape);
  }
}

TEST(GpuKernels, EveryOperationIsRecordedForBothTypesOfFeatures) {
  if (!has_gpu()) GTEST_SKIP() << "found no GPU; the preset cpu runs this on an emulated one";
  const Shape shape{"", 3, 4, 40, 9, 5};
  const std::vector<Record> records = measure_gpu_kernels(shape, {2, 0.0});
  ASSERT_EQ(records.size(), 20U);
  EXPECT_EQ(records.front().name, "cost/cuda");
  EXPECT_EQ(records.back().name, "gradient_along_paths_f16/cuda_f16");
  for (const Record& record : records) {
    EXPECT_EQ(record.elements, 3.0 * 4 * 40 * 9 * 5) << record.name;
    EXPECT_GT(record.seconds, 0) << record.name;
    ASSERT_TRUE(record.roof) << record.name;
    EXPECT_GT(*record.roof, 0) << record.name;
    EXPECT_EQ(record.nominal_roof, nominal_gpu_roof()) << record.name;
    EXPECT_EQ(record.predicted_seconds.has_value(), record.name.starts_with("cost")) << record.name;
  }
}

TEST(GpuKernels, ARoofFarBelowTheNominalOneIsSaid) {
  EXPECT_EQ(find_low_roof(99e9, 100e9), std::nullopt);
  EXPECT_EQ(find_low_roof(101e9, 100e9), std::nullopt);
  const auto line = find_low_roof(70e9, 100e9);
  ASSERT_TRUE(line);
  EXPECT_NE(line->find("found 70 G elements/s, 0.700 of the 100"), std::string::npos) << *line;
}

}  // namespace
}  // namespace alignment::dejavid::bench
