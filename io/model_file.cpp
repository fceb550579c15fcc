#include "io/model_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string_view>
#include <system_error>

#include "io/bytes/digest.hpp"
#include "io/bytes/utf8.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "io/hdf5/crash_guard.hpp"
#include "io/hdf5/input.hpp"
#include "io/hdf5/output.hpp"

namespace alignment::io {
namespace {

using hdf5::Refusal;

constexpr const char* kFormat = "dejavid-model";
constexpr const char* kDigest = "digest";
constexpr const char* kSpread = "spread";
constexpr const char* kHeaderDigest = "header_digest";
constexpr std::int64_t kVersion = 1;

struct NamedArray {
  const char* name;
  std::vector<float> TrainingState::*values;
};
constexpr std::array<NamedArray, 6> kTrainingArrays{{
    {"centroid_first_moment", &TrainingState::centroid_first_moment},
    {"centroid_second_moment", &TrainingState::centroid_second_moment},
    {"log_weight_first_moment", &TrainingState::log_weight_first_moment},
    {"log_weight_second_moment", &TrainingState::log_weight_second_moment},
    {"frozen_centroids", &TrainingState::frozen_centroids},
    {"frozen_log_weights", &TrainingState::frozen_log_weights},
}};

struct NamedCount {
  const char* name;
  std::int64_t TrainingState::*value;
};
constexpr std::array<NamedCount, 6> kTrainingCounts{{
    {"epoch", &TrainingState::epoch},
    {"step", &TrainingState::step},
    {"step_in_epoch", &TrainingState::step_in_epoch},
    {"best_epoch", &TrainingState::best_epoch},
    {"epoch_correct", &TrainingState::epoch_correct},
    {"epoch_samples", &TrainingState::epoch_samples},
}};

struct NamedReal {
  const char* name;
  double TrainingState::*value;
};
constexpr std::array<NamedReal, 4> kTrainingReals{{
    {"best_val_top1", &TrainingState::best_val_top1},
    {"best_val_loss", &TrainingState::best_val_loss},
    {"best_val_top5", &TrainingState::best_val_top5},
    {"epoch_loss_sum", &TrainingState::epoch_loss_sum},
}};

/// Left out where they are NaN.
constexpr std::array<NamedReal, 5> kMilestoneReals{{
    {"last_train_loss", &TrainingState::last_train_loss},
    {"last_train_top1", &TrainingState::last_train_top1},
    {"last_val_loss", &TrainingState::last_val_loss},
    {"best_train_loss", &TrainingState::best_train_loss},
    {"best_train_top1", &TrainingState::best_train_top1},
}};

struct NamedSeed {
  const char* name;
  std::uint64_t TrainingState::*value;
};
constexpr std::array<NamedSeed, 2> kTrainingSeeds{{
    {"order_seed", &TrainingState::order_seed},
    {"store_identity", &TrainingState::store_identity},
}};

std::vector<std::int64_t> shape_of(const ModelContent& content) {
  return {content.classes, content.steps, content.feature_dim};
}

std::int64_t element_count(const ModelContent& content) {
  return content.classes * content.steps * content.feature_dim;
}

/// Over the configuration and the arrays in the order of kTrainingArrays, then the spread, absent ones left out.
std::uint64_t digest_of_arrays(const ModelContent& content) {
  Digest digest;
  digest.add(content.config.data(), content.config.size());
  digest.add(content.centroids);
  digest.add(content.log_weights);
  if (content.training) {
    for (const auto& array : kTrainingArrays) digest.add((*content.training).*(array.values));
    digest.add(content.training->spread);
  }
  return digest.value();
}

/// Over everything that digest_of_arrays() leaves out.
std::uint64_t digest_of_header(const ModelContent& content) {
  Digest digest;
  for (const auto& name : content.class_names) digest.add(name);
  digest.add(std::int64_t{content.diagonal});
  digest.add(content.epoch);
  digest.add(content.val_top1);
  digest.add(content.val_top5);
  if (content.training) {
    for (const auto& count : kTrainingCounts) digest.add((*content.training).*(count.value));
    for (const auto& real : kTrainingReals) digest.add((*content.training).*(real.value));
    for (const auto& seed : kTrainingSeeds) digest.add((*content.training).*(seed.value));
    for (const auto& real : kMilestoneReals) {
      const double value = (*content.training).*(real.value);
      if (!std::isnan(value)) digest.add(value);
    }
  }
  return digest.value();
}

void require_finite(const std::filesystem::path& file, const char* dataset, const std::vector<float>& values,
                    const ModelContent& content) {
  for (std::size_t n = 0; n < values.size(); ++n) {
    if (std::isfinite(values[n])) continue;
    const auto at = static_cast<std::int64_t>(n);
    const auto dim = content.feature_dim, steps = content.steps;
    throw NotFiniteError(fmt::format(
        "{}:{}: found {} at class {}, step {}, feature {}; expected finite numbers; go back to an earlier checkpoint",
        file.string(), dataset, values[n], at / (dim * steps), at / dim % steps, at % dim));
  }
}

void require_size(const std::filesystem::path& file, const char* what, std::size_t found, std::int64_t expected) {
  if (found != static_cast<std::size_t>(expected)) {
    throw ModelFileError(fmt::format("{}:{}: found {} numbers; expected {}; give content of matching shapes",
                                     file.string(), what, found, expected));
  }
}

void check(const std::filesystem::path& file, const ModelContent& content) {
  if (content.classes < 2 || content.steps < 1 || content.feature_dim < 1) {
    throw ModelFileError(fmt::format(
        "{}:centroids: found shape [{},{},{}]; expected at least 2 classes, 1 step and 1 feature; make the model again",
        file.string(), content.classes, content.steps, content.feature_dim));
  }
  require_size(file, "centroids", content.centroids.size(), element_count(content));
  require_size(file, "log_weights", content.log_weights.size(), element_count(content));
  require_size(file, "class_names", content.class_names.size(), content.classes);
  require_finite(file, "centroids", content.centroids, content);
  require_finite(file, "log_weights", content.log_weights, content);
  if (!content.training) return;
  for (const auto& array : kTrainingArrays) {
    const auto& values = (*content.training).*(array.values);
    if (!values.empty()) require_size(file, array.name, values.size(), element_count(content));
    require_finite(file, array.name, values, content);
  }
  const std::vector<float>& spread = content.training->spread;
  if (!spread.empty()) require_size(file, kSpread, spread.size(), content.feature_dim);
  for (const float one : spread) {
    if (one > 0 && std::isfinite(one)) continue;
    throw ModelFileError(fmt::format("{}:{}: found {}; expected positive numbers; go back to an earlier checkpoint",
                                     file.string(), kSpread, one));
  }
}

template <typename T>
T required(std::optional<T> value, const char* name) {
  if (!value)
    throw Refusal(
        fmt::format(":training:attribute {}: found none; expected a number; go back to another checkpoint", name));
  return *value;
}

void require_header(const hdf5::Handle& root) {
  const auto format = hdf5::text_attribute(root, "format");
  if (!format || *format != kFormat) {
    throw Refusal(fmt::format(":attribute format: found {}; expected \"{}\"; name a model file or checkpoint",
                              format ? "\"" + printable(*format) + "\"" : "none", kFormat));
  }
  const auto version = hdf5::integer_attribute(root, "version");
  if (!version || *version != kVersion) {
    throw Refusal(fmt::format(":attribute version: found {}; expected {}; use a model of this version",
                              version ? std::to_string(*version) : "none", kVersion));
  }
}

/// An array [C,K,F]; the first one read says what C, K and F are.
std::vector<float> read_array(const hdf5::Handle& group, const char* name, ModelContent& content) {
  const auto dataset = hdf5::open_dataset(group, name);
  hdf5::require_rank(dataset, 3, "three dimensions, [C,K,F]");
  if (content.classes == 0) {
    content.classes = dataset.shape[0];
    content.steps = dataset.shape[1];
    content.feature_dim = dataset.shape[2];
  }
  const std::vector<std::int64_t> expected{content.classes, content.steps, content.feature_dim};
  if (dataset.shape != expected) {
    throw Refusal(fmt::format(":{}: found shape {}; expected {} as centroids; make the model again", name,
                              hdf5::describe_shape(dataset.shape), hdf5::describe_shape(expected)));
  }
  std::vector<float> values = hdf5::read_floats(dataset);
  hdf5::require_digest(dataset.id, kDigest, dataset.where(), digest_of(values));
  return values;
}

TrainingState read_training(const hdf5::Handle& root, ModelContent& content) {
  const auto group = hdf5::open_group(root, "training");
  TrainingState training;
  for (const auto& count : kTrainingCounts)
    training.*(count.value) = required(hdf5::integer_attribute(group, count.name), count.name);
  for (const auto& real : kTrainingReals)
    training.*(real.value) = required(hdf5::real_attribute(group, real.name), real.name);
  for (const auto& real : kMilestoneReals)
    training.*(real.value) = hdf5::real_attribute(group, real.name).value_or(TrainingState::kNotSaid);
  for (const auto& seed : kTrainingSeeds)
    training.*(seed.value) = required(hdf5::unsigned_attribute(group, seed.name), seed.name);
  for (const auto& array : kTrainingArrays) {
    if (hdf5::has_member(group, array.name)) training.*(array.values) = read_array(group, array.name, content);
  }
  if (hdf5::has_member(group, kSpread)) {
    const auto dataset = hdf5::open_dataset(group, kSpread);
    hdf5::require_rank(dataset, 1, "one dimension, [F]");
    training.spread = hdf5::read_floats(dataset);
    hdf5::require_digest(dataset.id, kDigest, dataset.where(), digest_of(training.spread));
  }
  return training;
}

ModelContent read_content(const std::filesystem::path& file) {
  const auto opened = hdf5::open_for_reading(file, "model file");
  const auto root = hdf5::owned(H5Gopen2(opened.get(), "/", H5P_DEFAULT), H5Gclose, "", "opening its root");
  require_header(root);
  ModelContent content;
  content.centroids = read_array(root, "centroids", content);
  content.log_weights = read_array(root, "log_weights", content);
  content.class_names = hdf5::read_texts(hdf5::open_dataset(root, "class_names"));
  content.diagonal = hdf5::integer_attribute(root, "diagonal").value_or(0) != 0;
  content.epoch = hdf5::integer_attribute(root, "epoch").value_or(-1);
  content.val_top1 = hdf5::real_attribute(root, "val_top1").value_or(0);
  content.val_top5 = hdf5::real_attribute(root, "val_top5").value_or(0);
  content.config = hdf5::text_attribute(root, "config").value_or("");
  if (hdf5::has_member(root, "training")) content.training = read_training(root, content);
  hdf5::require_digest(root, kDigest, ":attribute digest", digest_of_arrays(content));
  hdf5::require_digest(root, kHeaderDigest, ":attribute header_digest", digest_of_header(content));
  return content;
}

/// Calls work on a file under HDF5's lock. It is written part by part, so that a reader waits no longer than for one.
struct Locked {
  const std::filesystem::path& file;
  template <typename Work>
  auto operator()(Work&& work) const {
    const hdf5::LibraryLock lock(file);
    return work();
  }
};

void write_array(const Locked& locked, const hdf5::Handle& group, const char* name,
                 const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  const std::uint64_t digest = digest_of(values);
  locked([&] {
    hdf5::write_dataset(group, name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, shape, values.data());
    hdf5::write_attribute_of(group, name, kDigest, digest);
  });
}

void write_training(const Locked& locked, const hdf5::Handle& file, const ModelContent& content) {
  const TrainingState& training = *content.training;
  const auto group = locked([&] { return hdf5::create_group(file, "training"); });
  locked([&] {
    for (const auto& count : kTrainingCounts) hdf5::write_attribute(group, count.name, training.*(count.value));
    for (const auto& real : kTrainingReals) hdf5::write_attribute(group, real.name, training.*(real.value));
    for (const auto& seed : kTrainingSeeds) hdf5::write_attribute(group, seed.name, training.*(seed.value));
    for (const auto& real : kMilestoneReals) {
      if (!std::isnan(training.*(real.value))) hdf5::write_attribute(group, real.name, training.*(real.value));
    }
  });
  for (const auto& array : kTrainingArrays) {
    const auto& values = training.*(array.values);
    if (!values.empty()) write_array(locked, group, array.name, shape_of(content), values);
  }
  if (!training.spread.empty()) write_array(locked, group, kSpread, {content.feature_dim}, training.spread);
}

void write_content(const std::filesystem::path& file, const ModelContent& content) {
  const Locked locked{file};
  auto opened = locked([&] { return hdf5::create_file(file); });
  write_array(locked, opened, "centroids", shape_of(content), content.centroids);
  write_array(locked, opened, "log_weights", shape_of(content), content.log_weights);
  locked([&] { hdf5::write_texts(opened, "class_names", content.class_names); });
  if (content.training) write_training(locked, opened, content);
  const std::uint64_t digest = digest_of_arrays(content), header_digest = digest_of_header(content);
  locked([&] {
    hdf5::write_attribute(opened, "format", std::string(kFormat));
    hdf5::write_attribute(opened, "version", kVersion);
    hdf5::write_attribute(opened, "diagonal", std::int64_t{content.diagonal});
    hdf5::write_attribute(opened, "epoch", content.epoch);
    hdf5::write_attribute(opened, "val_top1", content.val_top1);
    hdf5::write_attribute(opened, "val_top5", content.val_top5);
    hdf5::write_attribute(opened, "config", content.config);
    hdf5::write_attribute(opened, kDigest, digest);
    hdf5::write_attribute(opened, kHeaderDigest, header_digest);
    hdf5::flush(opened);
    hdf5::close(opened);
  });
}

/// A file in $TMPDIR, removed in the end.
class ScratchFile {
 public:
  ScratchFile() {
    std::string name = (std::filesystem::temp_directory_path() / "dejavid-XXXXXX").string();
    const int descriptor = ::mkstemp(name.data());
    if (descriptor < 0) {
      throw WriteError(fmt::format("{}: found {}; expected to make a file there; set TMPDIR to a folder with space",
                                   name, std::generic_category().message(errno)));
    }
    ::close(descriptor);
    name_ = name;
  }
  ~ScratchFile() { ::unlink(name_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  [[nodiscard]] const std::filesystem::path& name() const { return name_; }
  [[nodiscard]] std::string read() const {
    std::ifstream stream(name_, std::ios::binary);
    std::string bytes(std::filesystem::file_size(name_), '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!stream) throw WriteError(fmt::format("{}: found it cut short; expected to read it back", name_.string()));
    return bytes;
  }

 private:
  std::filesystem::path name_;
};

}  // namespace

void write_model(const std::filesystem::path& file, const ModelContent& content) {
  check(file, content);
  DurableFile durable(file, DurableFile::Existing::kReplace);
  try {
    write_content(durable.temporary(), content);
  } catch (const Refusal& refusal) {
    throw WriteError(file.string() + refusal.what());
  }
  durable.commit();
}

std::string model_bytes(const std::filesystem::path& name, const ModelContent& content) {
  check(name, content);
  const ScratchFile scratch;  // HDF5 writes to and fro
  try {
    write_content(scratch.name(), content);
  } catch (const Refusal& refusal) {
    throw WriteError(scratch.name().string() + refusal.what());
  }
  return scratch.read();
}

std::uint64_t digest_of(const ModelContent& content) {
  Digest digest;
  digest.add(digest_of_arrays(content));
  digest.add(digest_of_header(content));
  return digest.value();
}

ModelContent read_model(const std::filesystem::path& file) {
  ModelContent content;
  try {
    const hdf5::LibraryLock lock(file);
    const CrashGuard guard(file, GuardedFile::kModelFile);
    content = read_content(file);
  } catch (const Refusal& refusal) {
    throw ModelFileError(file.string() + refusal.what());
  }
  check(file, content);
  return content;
}

}  // namespace alignment::io
