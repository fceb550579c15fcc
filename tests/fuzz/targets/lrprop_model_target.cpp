#include <set>

#include "io/errors.hpp"
#include "src/lrprop/model/model_file.hpp"
#include "tests/fuzz/handmade_hdf5.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "lrprop_model";

namespace {

using lrprop::digest_of;
using lrprop::ModelContent;
using lrprop::read_model;

ModelContent model(std::int64_t layers) {
  ModelContent content;
  content.sizes = {3, 4, 2, 1, 3, layers, 2, 8};
  const auto fill = [](std::vector<float>& values, std::int64_t count) {
    for (std::int64_t n = 0; n < count; ++n) values.push_back(static_cast<float>(n) * 0.25F);
  };
  fill(content.weights, element_count(weight_arrays(content.sizes)));
  fill(content.statistics, element_count(statistic_arrays(content.sizes)));
  fill(content.feature_mean, 3);
  content.feature_scale = {1, 2, 3};
  content.epoch = 7;
  content.config = "[train]\nlr = 0.001\n";
  return content;
}

ModelContent checkpoint() {
  ModelContent content = model(1);
  lrprop::TrainingState& training = content.training.emplace();
  training.course.epoch = 8;
  training.course.step = 43;
  training.course.order_seed = 12345;
  training.course.store_identity = 0x0123456789ABCDEFU;
  training.course.epoch_sums = {0.5, 0.25};
  training.course.last = {7, {0.5, 0.25}, {0.75}, true};
  training.course.best = {3, {0.5, 0.25}, {0.875}, true};
  training.first_moment.assign(static_cast<std::size_t>(trained_count(weight_arrays(content.sizes))), 0.5F);
  training.second_moment = training.first_moment;
  training.phase_identity = 0x1032547698BADCFEU;
  training.plan_identity = 7;
  return content;
}

std::pair<std::uint64_t, std::string> everything(const ModelContent& content) {
  return {digest_of(content), content.config};
}

}  // namespace

std::vector<std::string> seeds() {
  return {bytes_of_file([](const auto& file) { lrprop::write_model(file, model(0)); }),
          bytes_of_file([](const auto& file) { lrprop::write_model(file, checkpoint()); })};
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  static const std::set known{everything(model(0)), everything(checkpoint())};
  const auto file = folder / "input.h5";
  write_input(file, input);
  return returns<io::ModelFileError, io::NotFiniteError>(file, [&] {
    const auto content = read_model(file);
    if (has_new_superblock(input) && !known.contains(everything(content)))
      throw BrokenPromise("content that was never written, in spite of its digests");
  });
}

}  // namespace alignment::fuzz
