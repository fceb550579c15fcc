#include "src/training/samples/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"
#include "io/store/encoder_names.hpp"
#include "src/config/error.hpp"
#include "src/config/keys/suggestion.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment {

Dataset::Dataset(io::TseStore opened, SampleNeeds asked, io::SampleCache cache, const SharedConfig& config, Wait way)
    : store(std::move(opened)),
      needs(std::move(asked)),
      stream(store, cache, static_cast<int>(config.data.prefetch), stream_layout(store, needs)),
      wait_(way),
      timeout_(config.dist.timeout()) {}

void Dataset::wait_for_nothing(std::chrono::duration<double> /*timeout*/, const std::function<void()>& work) {
  work();
}

const io::SampleBatch& Dataset::next_batch() {
  const io::SampleBatch* batch = nullptr;
  wait([&] { batch = &stream.next(); });
  return *batch;
}

void Dataset::require_unchanged() const {
  wait([&] { store.require_unchanged(); });
}

std::vector<float> Dataset::read_sample(std::int64_t sample) {
  std::vector<float> rows(static_cast<std::size_t>(store.length(sample) * store.feature_dim()));
  wait([&] { store.read_sample(sample, rows.data()); });
  return rows;
}

std::int64_t find_sample(const io::TseStore& store, const std::string& id, std::string_view option,
                         std::string_view expected) {
  std::vector<std::string> ids;
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
    if (store.id(sample) == id) return sample;
    ids.push_back(store.id(sample));
  }
  io::FirstFew near;
  for (const std::string& other : nearest_ids(id, ids, 3)) near.add(fmt::format("\"{}\"", io::printable(other)));
  throw ConfigError(
      fmt::format("{}: found \"{}\"; expected {}; the nearest: {}", option, io::printable(id), expected, near.text()));
}

void tell_other_encoders(const io::TseStore& store, std::string_view of_model, const std::filesystem::path& file) {
  const std::vector<std::string> known = io::encoders_of(of_model);
  if (known.empty()) return;
  std::vector<std::string> others = store.encoders();
  std::erase_if(others,
                [&](const std::string& one) { return std::find(known.begin(), known.end(), one) != known.end(); });
  if (others.empty()) return;
  log_warning(fmt::format(
      "{}: found features of the encoder {}; expected {}, which {} learned from; features of another encoder, or of "
      "other windows, mean something else: give a store of the same",
      store.describe_files(), io::printable(io::text_of_encoders(others)), io::printable(of_model), file.string()));
}

void tell_mixed_encoders(const io::TseStore& store) {
  const std::string warning = io::warning_of_mixed_encoders(store.encoders());
  if (!warning.empty()) log_warning(fmt::format("{}: {}", store.describe_files(), warning));
}

bool has_validation(const io::TseStore& store) {
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
    if (store.split(sample) == io::Split::kValidation) return true;
  }
  return false;
}

EvaluationSplit choose_split(const io::TseStore& store, EvalSplit choice) {
  const auto samples_of = [&](io::Split split, const char* name) {
    return EvaluationSplit{split, name, store.samples_of(split)};
  };
  if (choice == EvalSplit::kTrain) return samples_of(io::Split::kTrain, "train");
  if (choice == EvalSplit::kTest) return samples_of(io::Split::kTest, "test");
  if (choice == EvalSplit::kAuto && !has_validation(store)) return samples_of(io::Split::kTest, "test");
  return samples_of(io::Split::kValidation, store.has_moved_samples() ? "holdout" : "val");
}

EvaluationSplit labelled(const io::TseStore& store, EvaluationSplit split) {
  std::erase_if(split.samples, [&](std::int64_t sample) { return store.label(sample) == io::kNoLabel; });
  return split;
}

}  // namespace alignment
