#include "io/store/store_check.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <string_view>

#include "io/errors.hpp"
#include "io/hdf5/crash_guard.hpp"
#include "io/hdf5/input.hpp"
#include "io/store/store_file.hpp"

namespace alignment::io {

StoreSummary summarize_store(const std::filesystem::path& file) {
  StoreSummary summary;
  summary.file = file;
  summary.identity = TseStore({file}).identity();
  const StoreFile store(file);
  const auto& index = store.index();
  summary.bytes = store.bytes();
  summary.sample_count = index.sample_count();
  summary.step_count = index.offsets.back();
  summary.feature_dim = index.feature_dim;
  summary.class_names = index.class_names;
  summary.class_counts.assign(index.class_names.size(), 0);
  summary.class_train_counts.assign(index.class_names.size(), 0);
  std::vector<std::int64_t> lengths;
  for (std::size_t n = 0; n < index.labels.size(); ++n) {
    ++summary.samples_of[static_cast<std::size_t>(index.splits[n])];
    lengths.push_back(store.length(static_cast<std::int64_t>(n)));
    if (index.labels[n] == kNoLabel) {
      ++summary.unlabelled;
      continue;
    }
    const auto label = static_cast<std::size_t>(index.labels[n]);
    ++summary.class_counts[label];
    if (index.splits[n] == Split::kTrain) ++summary.class_train_counts[label];
  }
  std::sort(lengths.begin(), lengths.end());
  summary.shortest = lengths.front();
  summary.longest = lengths.back();
  const std::size_t half = lengths.size() / 2;
  summary.median_length = static_cast<double>(lengths[half] + lengths[(lengths.size() - 1) / 2]) / 2;
  summary.feature_type = store.feature_type();
  summary.encoder = index.encoder;
  summary.source = index.source;
  summary.logits = index.logits;
  summary.phase_names = index.phase_names;
  summary.has_digests = !index.digests.empty();
  summary.has_frame_labels = store.has_frame_labels();
  summary.has_timestamps = store.has_timestamps();
  const hdf5::LibraryLock lock(file);
  const CrashGuard guard(file, GuardedFile::kStore);
  summary.chunk = hdf5::chunk_of(store.features());
  summary.filters = hdf5::filters_of(store.features());
  summary.gzip_level = hdf5::gzip_level_of(store.features());
  summary.feature_bytes = H5Dget_storage_size(store.features().id.get());
  return summary;
}

std::vector<std::string> foreign_content(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 10> kMembers{"features",    "offsets",   "labels",      "split",
                                                      "digests",     "ids",       "class_names", "frame_labels",
                                                      "phase_names", "timestamps"};
  constexpr std::array<std::string_view, 10> kAttributes{
      "format", "version",  "feature_dim",    "num_classes",        "encoder",
      "source", "complete", kLogitsAttribute, kUnlabelledAttribute, kIndexDigestAttribute};
  std::vector<std::string> foreign;
  naming(file, [&] {
    const hdf5::Handle root = hdf5::open_for_reading(file, "store");
    for (const std::string& name : hdf5::members_of(root)) {
      if (std::ranges::find(kMembers, name) == kMembers.end()) foreign.push_back("/" + name);
    }
    for (const std::string& name : hdf5::attributes_of(root)) {
      if (std::ranges::find(kAttributes, name) == kAttributes.end()) foreign.push_back("attribute " + name);
    }
  });
  return foreign;
}

StoreReport check_store(const std::filesystem::path& file) {
  StoreReport report;
  report.file = file;
  const auto note = [&](const std::exception& problem) {
    ++report.problem_count;
    if (report.problems.size() < StoreReport::kMostProblems) report.problems.emplace_back(problem.what());
  };
  try {
    TseStore store({file});
    report.opened = true;
    report.sample_count = store.sample_count();
    report.has_digests = store.files_without_digests().empty();
    std::vector<float> features;
    for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
      const auto before = report.problem_count;
      const auto attempt = [&](const auto& read) {
        try {
          read();
        } catch (const StoreError& problem) {
          note(problem);
        } catch (const NotFiniteError& problem) {
          ++report.not_finite_count;
          note(problem);
        }
      };
      attempt([&] {
        features.resize(static_cast<std::size_t>(store.length(sample) * store.feature_dim()));
        store.read_sample(sample, features.data());
      });
      if (store.has_frame_labels()) attempt([&] { static_cast<void>(store.read_frame_labels(sample)); });
      if (store.has_timestamps()) attempt([&] { static_cast<void>(store.read_timestamps(sample)); });
      if (report.problem_count == before) ++report.samples_read;
    }
  } catch (const StoreError& problem) {
    note(problem);
  }
  return report;
}

}  // namespace alignment::io
