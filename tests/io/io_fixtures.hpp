#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/bytes/half_float.hpp"
#include "io/errors.hpp"
#include "io/store/tse_store.hpp"
#include "io/store/tse_writer.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io::testing {

inline std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

inline void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(stream.good()) << file;
}

/// The root of the source tree, from the environment that CTest sets.
inline std::filesystem::path source_root() {
  const char* root = std::getenv("DEJAVID_SOURCE");  // NOLINT(concurrency-mt-unsafe)
  return root == nullptr ? std::filesystem::path() : std::filesystem::path(root);
}

/// Samples that anyone can work out: value (row n of the sample, feature f) of sample m.
inline float value_of(std::int64_t sample, std::int64_t step, std::int64_t feature) {
  return static_cast<float>(sample) + static_cast<float>(step) * 0.5F - static_cast<float>(feature) * 0.25F;
}

struct SmallStore {
  std::int64_t feature_dim = 6;
  std::vector<std::int64_t> lengths{3, 1, 5, 2, 4, 7, 2};
  std::int32_t classes = 3;
  bool with_frame_labels = false, with_timestamps = false;
  std::vector<std::string> phase_names;

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(lengths.size()); }
  [[nodiscard]] std::vector<float> features(std::int64_t sample) const {
    std::vector<float> values;
    for (std::int64_t step = 0; step < lengths[static_cast<std::size_t>(sample)]; ++step) {
      for (std::int64_t feature = 0; feature < feature_dim; ++feature)
        values.push_back(value_of(sample, step, feature));
    }
    return values;
  }
  [[nodiscard]] std::string id(std::int64_t sample) const { return fmt::format("sample-{}", sample); }
  [[nodiscard]] std::int32_t label(std::int64_t sample) const { return static_cast<std::int32_t>(sample % classes); }
  [[nodiscard]] Split split(std::int64_t sample) const {
    return sample < 4 ? Split::kTrain : sample < 6 ? Split::kValidation : Split::kTest;
  }
  [[nodiscard]] TseStoreHeader header() const {
    TseStoreHeader header{feature_dim, {}, "an encoder", "a source"};
    for (std::int32_t c = 0; c < classes; ++c) header.class_names.push_back(fmt::format("class {}", c));
    header.phase_names = phase_names;
    return header;
  }
  void append_all(TseWriter& writer) const {
    for (std::int64_t n = 0; n < count(); ++n) {
      const auto values = features(n);
      const auto steps = static_cast<std::size_t>(lengths[static_cast<std::size_t>(n)]);
      std::vector<std::int32_t> phases(with_frame_labels ? steps : 0, static_cast<std::int32_t>(n) - 1);
      std::vector<double> seconds(with_timestamps ? steps : 0, 0.04 * static_cast<double>(n));
      writer.append({id(n), label(n), split(n), values, phases, seconds});
    }
  }
  void write(const std::filesystem::path& file, TseWriterOptions options = {}) const {
    TseWriter writer(file, header(), options);
    append_all(writer);
    writer.finish();
  }
};

inline std::vector<float> read_features(TseStore& store, std::int64_t sample) {
  std::vector<float> values(static_cast<std::size_t>(store.length(sample) * store.feature_dim()));
  store.read_sample(sample, values.data());
  return values;
}

/// The same of a store of halves, read as such.
inline std::vector<float> read_halves(TseStore& store, std::int64_t sample) {
  std::vector<std::uint16_t> halves(static_cast<std::size_t>(store.length(sample) * store.feature_dim()));
  store.read_halves(sample, halves.data());
  std::vector<float> values(halves.size());
  std::transform(halves.begin(), halves.end(), values.begin(), widen_half);
  return values;
}

/// What `work` throws, where it throws an Error; fails the test otherwise.
template <typename Error, typename Work>
std::string message_of(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception: " << error.what();
    return {};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

/// One line that names the file first and says what was found, what was expected and what to do.
inline void expect_message(const std::string& message, const std::filesystem::path& file,
                           const std::vector<std::string>& parts) {
  EXPECT_TRUE(message.starts_with(file.string() + ":")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  const auto found = message.find("found "), expected = message.find("; expected ");
  EXPECT_NE(found, std::string::npos) << message;
  EXPECT_NE(expected, std::string::npos) << message;
  EXPECT_NE(message.find("; ", expected + 1), std::string::npos) << "says not what to do: " << message;
  for (const auto& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "lacks '" << part << "': " << message;
}

}  // namespace alignment::io::testing
