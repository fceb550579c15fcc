#include "src/dejavid/model/model_file.hpp"

#include <hdf5.h>

#include <chrono>
#include <random>
#include <thread>

#include "tests/io/io_fixtures.hpp"

namespace alignment::io::testing {
namespace {

using dejavid::ModelContent;
using dejavid::read_model;
using dejavid::TrainingState;
using dejavid::write_model;

ModelContent example(bool with_training) {
  ModelContent content;
  content.classes = 3;
  content.steps = 4;
  content.feature_dim = 50;
  const std::size_t count = 3 * 4 * 50;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const auto draw = [&](std::vector<float>& values) {
    values.resize(count);
    for (float& value : values) value = normal(random);
  };
  draw(content.centroids);
  draw(content.log_weights);
  content.class_names = {"run", "jump, high", "größe"};
  content.diagonal = true;
  content.epoch = 11;
  content.val_top1 = 0.1 + 0.2;
  content.val_top5 = 1.0 / 3;
  content.encoder = "motion 5d41402abc4b2a76, fraction + vit";
  content.config = std::string("[train]\nepochs = 36\n") + std::string(100000, '#');
  if (with_training) {
    TrainingState training;
    training.epoch = 12;
    training.step = 1234;
    training.step_in_epoch = 34;
    training.order_seed = 0xFFFF'FFFF'FFFF'FFFEU;
    training.store_identity = 0x8000'0000'0000'0001U;
    training.best_epoch = 7;
    training.best_val_top1 = 0.7;
    training.best_val_loss = 1.25;
    training.best_val_top5 = 0.9;
    training.last_train_loss = 0.125;
    training.best_train_top1 = 0.375;
    training.epoch_loss_sum = 1e-300;
    training.epoch_correct = 99;
    training.epoch_samples = 100;
    draw(training.centroid_first_moment);
    draw(training.centroid_second_moment);
    draw(training.frozen_centroids);
    draw(training.frozen_log_weights);
    for (std::int64_t f = 0; f < content.feature_dim; ++f) training.spread.push_back(std::exp(normal(random)));
    content.training = training;
  }
  return content;
}

void expect_equal(const ModelContent& a, const ModelContent& b) {
  EXPECT_EQ(a.classes, b.classes);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.feature_dim, b.feature_dim);
  EXPECT_EQ(a.centroids, b.centroids);
  EXPECT_EQ(a.log_weights, b.log_weights);
  EXPECT_EQ(a.class_names, b.class_names);
  EXPECT_EQ(a.diagonal, b.diagonal);
  EXPECT_EQ(a.slope, b.slope);
  EXPECT_EQ(a.validated_on, b.validated_on);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.val_top1, b.val_top1);
  EXPECT_EQ(a.val_top5, b.val_top5);
  EXPECT_EQ(a.encoder, b.encoder);
  EXPECT_EQ(a.config, b.config);
  ASSERT_EQ(a.training.has_value(), b.training.has_value());
  if (!a.training) return;
  const TrainingState &x = *a.training, &y = *b.training;
  EXPECT_EQ(x.epoch, y.epoch);
  EXPECT_EQ(x.step, y.step);
  EXPECT_EQ(x.step_in_epoch, y.step_in_epoch);
  EXPECT_EQ(x.order_seed, y.order_seed);
  EXPECT_EQ(x.store_identity, y.store_identity);
  EXPECT_EQ(x.best_epoch, y.best_epoch);
  EXPECT_EQ(x.best_val_top1, y.best_val_top1);
  EXPECT_EQ(x.best_val_loss, y.best_val_loss);
  EXPECT_EQ(x.best_val_top5, y.best_val_top5);
  EXPECT_EQ(x.last_train_loss, y.last_train_loss);
  EXPECT_EQ(x.best_train_top1, y.best_train_top1);
  EXPECT_EQ(std::isnan(x.best_train_loss), std::isnan(y.best_train_loss));
  EXPECT_EQ(x.epoch_loss_sum, y.epoch_loss_sum);
  EXPECT_EQ(x.epoch_correct, y.epoch_correct);
  EXPECT_EQ(x.epoch_samples, y.epoch_samples);
  EXPECT_EQ(x.centroid_first_moment, y.centroid_first_moment);
  EXPECT_EQ(x.centroid_second_moment, y.centroid_second_moment);
  EXPECT_EQ(x.log_weight_first_moment, y.log_weight_first_moment);
  EXPECT_EQ(x.log_weight_second_moment, y.log_weight_second_moment);
  EXPECT_EQ(x.frozen_centroids, y.frozen_centroids);
  EXPECT_EQ(x.frozen_log_weights, y.frozen_log_weights);
  EXPECT_EQ(x.spread, y.spread);
}

TEST(ModelFile, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  for (const bool with_training : {false, true}) {
    write_model(folder / "model.h5", example(with_training));  // the second time it replaces the first
    expect_equal(read_model(folder / "model.h5"), example(with_training));
  }
  EXPECT_EQ(folder.entry_count(), 1U);
}

TEST(ModelFile, GivesBackSlopesAndWhatItWasValidatedOn) {
  const TemporaryFolder folder;
  for (const bool slope : {false, true}) {
    for (const std::string validated_on : {"", "val", "test", "holdout", "none"}) {
      auto content = example(true);
      content.slope = slope;
      content.validated_on = validated_on;
      write_model(folder / "model.h5", content);
      expect_equal(read_model(folder / "model.h5"), content);
      if (slope || !validated_on.empty()) {
        EXPECT_NE(digest_of(content), digest_of(example(true)));
      }
    }
  }
}

bool has_attribute(const std::filesystem::path& file, const char* name) {
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const bool found = H5Aexists(opened, name) > 0;
  H5Fclose(opened);
  return found;
}

/// Files of versions that knew of neither: the attributes are not there, and the digest is what those versions wrote.
TEST(ModelFile, WithoutSlopesAndValidationIsThatOfEarlierVersions) {
  const TemporaryFolder folder;
  ModelContent content;
  content.classes = 2;
  content.steps = content.feature_dim = 1;
  content.centroids = {1, 2};
  content.log_weights = {0.5F, -1};
  content.class_names = {"a", "b"};
  content.epoch = 3;
  content.val_top1 = 0.25;
  content.config = "[train]\n";
  write_model(folder / "model.h5", content);
  EXPECT_FALSE(has_attribute(folder / "model.h5", "slope"));
  EXPECT_FALSE(has_attribute(folder / "model.h5", "validated_on"));
  EXPECT_EQ(digest_of(content), 9545135878221338757U);
  expect_equal(read_model(folder / "model.h5"), content);
}

TEST(ModelFile, SameContentGivesTheSameBytes) {
  const TemporaryFolder folder;
  write_model(folder / "a.h5", example(true));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 would note the second
  write_model(folder / "b.h5", example(true));
  EXPECT_EQ(read_bytes(folder / "a.h5"), read_bytes(folder / "b.h5"));
}

TEST(ModelFile, ADamagedFileIsRefusedOrGivesTheSame) {
  const TemporaryFolder folder;
  auto content = example(true);
  content.config = "[train]\n";
  write_model(folder / "whole.h5", content);
  const auto whole = read_bytes(folder / "whole.h5");
  const auto file = folder / "damaged.h5";
  int refused = 0;
  const auto attempt = [&](const std::string& bytes, const std::string& what) {
    SCOPED_TRACE(what);
    write_bytes(file, bytes);
    try {
      expect_equal(read_model(file), content);
    } catch (const ModelFileError& error) {
      expect_message(error.what(), file, {});
      ++refused;
    }
  };
  std::mt19937 random(5);
  constexpr int kFlips = 500, kCuts = 50;
  for (int trial = 0; trial < kFlips; ++trial) {
    auto bytes = whole;
    const auto at = random() % bytes.size();
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << random() % 8));
    attempt(bytes, "flip at " + std::to_string(at));
  }
  EXPECT_GT(refused, kFlips / 2);
  refused = 0;
  for (int trial = 0; trial < kCuts; ++trial) attempt(whole.substr(0, random() % whole.size()), "cut");
  EXPECT_EQ(refused, kCuts);
}

/// Overwritten by HDF5 itself, so that its checksums agree: the digest covers every array.
TEST(ModelFile, EveryArrayHasItsDigest) {
  const TemporaryFolder folder;
  const auto file = folder / "model.h5";
  for (const std::string array :
       {"centroids", "log_weights", "training/centroid_second_moment", "training/frozen_log_weights"}) {
    write_model(file, example(true));
    const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
                dataset = H5Dopen2(opened, array.c_str(), H5P_DEFAULT);
    const std::vector<float> zeros(600, 0);
    ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data()), 0);
    const auto read = [&] { static_cast<void>(read_model(file)); };
    H5Fflush(opened, H5F_SCOPE_GLOBAL);
    expect_message(message_of<ModelFileError>(read), file, {":" + array.substr(array.find('/') + 1) + ": ", "digest"});
    ASSERT_GE(H5Adelete(dataset, "digest"), 0);
    H5Dclose(dataset);
    H5Fclose(opened);
    expect_message(message_of<ModelFileError>(read), file, {":attribute digest: "});
  }
}

TEST(ModelFile, TheHeaderDigestCoversEverythingElse) {
  const TemporaryFolder folder;
  const auto file = folder / "model.h5";
  auto content = example(true);
  content.slope = true;
  for (const std::string attribute : {"epoch", "val_top1", "diagonal", "slope", "training/step", "training/order_seed",
                                      "training/best_val_loss", "training/store_identity"}) {
    write_model(file, content);
    const bool of_training = attribute.starts_with("training/");
    const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
                object = H5Oopen(opened, of_training ? "training" : "/", H5P_DEFAULT),
                number = H5Aopen(object, attribute.substr(attribute.find('/') + 1).c_str(), H5P_DEFAULT);
    const double other = attribute == "diagonal" || attribute == "slope" ? 0 : 123;
    ASSERT_GE(H5Awrite(number, H5T_NATIVE_DOUBLE, &other), 0);
    H5Aclose(number);
    H5Oclose(object);
    H5Fclose(opened);
    expect_message(message_of<ModelFileError>([&] { static_cast<void>(read_model(file)); }), file,
                   {":attribute header_digest: "});
  }
}

TEST(ModelFile, TheSameContentGivesTheSameBytesAndDigest) {
  const TemporaryFolder folder;
  write_model(folder / "a.h5", example(true));
  write_model(folder / "b.h5", example(true));
  EXPECT_EQ(read_bytes(folder / "a.h5"), read_bytes(folder / "b.h5"));
  EXPECT_EQ(digest_of(example(true)), digest_of(read_model(folder / "a.h5")));
  auto other = example(true);
  other.training->step += 1;
  EXPECT_NE(digest_of(example(true)), digest_of(other));
  other = example(true);
  other.centroids.back() += 1;
  EXPECT_NE(digest_of(example(true)), digest_of(other));
}

/// As in training: rank 0 writes a checkpoint while its reader goes on.
TEST(ModelFile, IsWrittenWhileAStoreIsRead) {
  const TemporaryFolder folder;
  const SmallStore small;
  small.write(folder / "set.h5");
  const auto written = example(true);
  std::jthread writer([&] {
    for (int n = 0; n < 20; ++n) write_model(folder / "model.h5", written);
  });
  for (int n = 0; n < 20; ++n) {
    TseStore store({folder / "set.h5"});
    for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
      ASSERT_EQ(read_features(store, sample), small.features(sample));
    }
  }
  writer.join();
  EXPECT_EQ(digest_of(read_model(folder / "model.h5")), digest_of(written));
}

TEST(ModelFile, RefusesContentThatDoesNotFit) {
  const TemporaryFolder folder;
  const auto file = folder / "model.h5";
  const auto refused = [&](auto&& change, const std::vector<std::string>& parts) {
    auto content = example(true);
    change(content);
    expect_message(message_of<ModelFileError>([&] { write_model(file, content); }), file, parts);
  };
  refused([](auto& content) { content.classes = 1; }, {"[1,4,50]", "at least 2 classes"});
  refused([](auto& content) { content.centroids.pop_back(); }, {"centroids", "found 599 numbers; expected 600"});
  refused([](auto& content) { content.class_names.pop_back(); }, {"class_names", "found 2", "expected 3"});
  refused([](auto& content) { content.class_names[2] = "run"; }, {"class_names", "found \"run\" twice"});
  refused([](auto& content) { content.training->frozen_centroids.resize(3); },
          {"frozen_centroids", "found 3 numbers; expected 600"});
  refused([](auto& content) { content.training->spread.pop_back(); }, {"spread", "numbers; expected"});
  refused(
      [](auto& content) {
        content.slope = true;
        content.feature_dim = 25;
        content.steps = 8;
      },
      {":attribute slope: found 1 with 25 features; expected an even number"});
  refused([](auto& content) { content.training->spread[0] = 0; }, {"spread", "found 0; expected positive numbers"});
  auto content = example(true);
  content.training->centroid_second_moment[50 * 4 + 50 + 2] = std::nanf("");
  expect_message(message_of<NotFiniteError>([&] { write_model(file, content); }), file,
                 {"centroid_second_moment", "nan at class 1, step 1, feature 2"});
  EXPECT_EQ(folder.entry_count(), 0U);
}

TEST(ModelFile, SaysWhatIsMissingOrCannotBeWritten) {
  const TemporaryFolder folder;
  expect_message(message_of<ModelFileError>([&] { static_cast<void>(read_model(folder / "no.h5")); }), folder / "no.h5",
                 {"no such file"});
  expect_message(message_of<WriteError>([&] { write_model(folder / "no" / "m.h5", example(false)); }),
                 folder / "no" / "m.h5", {"errno 2"});
  SmallStore().write(folder / "store.h5");
  expect_message(message_of<ModelFileError>([&] { static_cast<void>(read_model(folder / "store.h5")); }),
                 folder / "store.h5", {"\"dejavid-tse\"", "\"dejavid-model\""});
  write_model(folder / "m.h5", example(false));
  expect_message(message_of<StoreError>([&] { TseStore({folder / "m.h5"}); }), folder / "m.h5",
                 {"\"dejavid-model\"", "\"dejavid-tse\""});
}

}  // namespace
}  // namespace alignment::io::testing
