#include <array>
#include <set>

#include "io/errors.hpp"
#include "src/dejavid/model_file.hpp"
#include "tests/fuzz/handmade_hdf5.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "model";

namespace {

ModelContent model(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  ModelContent content;
  content.classes = classes;
  content.steps = steps;
  content.feature_dim = feature_dim;
  for (std::int64_t n = 0; n < classes * steps * feature_dim; ++n) {
    content.centroids.push_back(static_cast<float>(n) * 0.5F);
    content.log_weights.push_back(static_cast<float>(n) * -0.125F);
  }
  for (std::int64_t c = 0; c < classes; ++c) content.class_names.push_back("class " + std::to_string(c));
  content.epoch = 3;
  content.val_top1 = 0.5;
  content.val_top5 = 0.75;
  content.config = "[model]\nsteps = 2\n[train]\nlr = 0.001\n";
  return content;
}

ModelContent checkpoint() {
  auto content = model(2, 3, 5);
  auto& training = content.training.emplace();
  training.epoch = 4;
  training.step = 43;
  training.step_in_epoch = 3;
  training.order_seed = 12345;
  training.store_identity = 0x0123456789ABCDEFU;
  training.best_epoch = 2;
  training.best_val_top1 = 0.625;
  training.epoch_loss_sum = 5.25;
  training.centroid_first_moment = training.centroid_second_moment = content.centroids;
  training.frozen_centroids = content.centroids;
  training.frozen_log_weights = content.log_weights;
  return content;
}

void write_handmade(const std::filesystem::path& path) {
  const HandmadeFile file(path);
  file.attribute("format", "dejavid-model");
  file.attribute("version", 1);
  const auto content = model(3, 2, 4);
  file.dataset("centroids", H5T_IEEE_F32LE, {3, 2, 4}, content.centroids.data());
  file.dataset("log_weights", H5T_IEEE_F32LE, {3, 2, 4}, content.log_weights.data(), 1, true);
  file.texts("class_names", {"one", "two", "three"}, 5);
}

std::pair<std::uint64_t, std::string> everything(const ModelContent& content) {
  return {digest_of(content), content.config};
}

}  // namespace

std::vector<std::string> seeds() {
  return {
      bytes_of_file([](const auto& file) { write_model(file, model(3, 2, 4)); }),
      bytes_of_file([](const auto& file) { write_model(file, checkpoint()); }),
      bytes_of_file(write_handmade),
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  static const std::set known{everything(model(3, 2, 4)), everything(checkpoint())};
  const auto file = folder / "input.h5";
  write_input(file, input);
  return returns<io::ModelFileError, io::NotFiniteError>(file, [&] {
    const auto content = read_model(file);
    if (has_new_superblock(input) && !known.contains(everything(content)))
      throw BrokenPromise("content that was never written, in spite of its digests");
  });
}

}  // namespace alignment::fuzz
