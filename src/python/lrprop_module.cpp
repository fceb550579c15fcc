#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>

#include <array>
#include <utility>

#include "io/errors.hpp"
#include "src/job/exit_code.hpp"
#include "src/lrprop/config/config_keys.hpp"
#include "src/lrprop/model/model_content.hpp"
#include "src/python/binding.hpp"
#include "src/python/embedder.hpp"

namespace alignment::python {
namespace {

using lrprop::ArrayShape;
using lrprop::EncoderSizes;
using lrprop::ModelContent;
using FloatRow = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using FloatArray = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;

/// In the order of EncoderSizes.
using Sizes = std::array<std::int64_t, 8>;

EncoderSizes encoder_sizes(const Sizes& sizes) {
  return {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7]};
}

Sizes sizes_of(const EncoderSizes& sizes) {
  return {sizes.feature_dim, sizes.fc_width, sizes.hidden,    sizes.heads,
          sizes.ff_width,    sizes.layers,   sizes.embedding, sizes.train_frames};
}

/// The arrays of those names, one after the other.
std::vector<float> numbers_of(const nb::dict& given, const std::vector<ArrayShape>& arrays) {
  std::vector<float> numbers;
  for (const ArrayShape& array : arrays) {
    if (!given.contains(array.name.c_str())) {
      throw io::ModelFileError(
          fmt::format("model:weights: found no {}; expected an array of shape [{}]; make the model "
                      "again",
                      array.name, fmt::join(array.shape, ",")));
    }
    const auto found = nb::cast<FloatArray>(given[array.name.c_str()]);
    std::vector<std::int64_t> shape;
    for (std::size_t axis = 0; axis < found.ndim(); ++axis) {
      shape.push_back(static_cast<std::int64_t>(found.shape(axis)));
    }
    if (shape != array.shape) {
      throw io::ModelFileError(
          fmt::format("model:weights/{}: found shape [{}]; expected [{}] by its sizes; make the "
                      "model again",
                      array.name, fmt::join(shape, ","), fmt::join(array.shape, ",")));
    }
    numbers.insert(numbers.end(), found.data(), found.data() + found.size());
  }
  return numbers;
}

void add_arrays(nb::dict& all, const std::vector<ArrayShape>& arrays, const std::vector<float>& numbers) {
  auto first = numbers.begin();
  for (const ArrayShape& array : arrays) {
    const auto last = first + array.count();
    const auto rows = static_cast<std::size_t>(array.shape.front());
    std::vector<float> own(first, last);
    all[array.name.c_str()] = array.shape.size() == 1
                                  ? array_of(std::move(own), {rows})
                                  : array_of(std::move(own), {rows, static_cast<std::size_t>(array.shape[1])});
    first = last;
  }
}

std::vector<float> numbers_of(const std::optional<FloatRow>& row) {
  if (!row) return {};
  return {row->data(), row->data() + row->size()};
}

nb::object row_or_none(const std::vector<float>& row) {
  if (row.empty()) return nb::none();
  return array_of(row, {row.size()});
}

ModelContent make_model(const Sizes& sizes, double dropout, const nb::dict& arrays,
                        const std::optional<FloatRow>& feature_mean, const std::optional<FloatRow>& feature_scale,
                        std::int64_t epoch, std::string config) {
  ModelContent content;
  content.sizes = encoder_sizes(sizes);
  content.dropout = dropout;
  content.epoch = epoch;
  content.config = std::move(config);
  translated([&] {
    if (const std::string wrong = wrong_sizes(content.sizes); !wrong.empty()) {
      throw io::ModelFileError("model" + wrong);
    }
    content.weights = numbers_of(arrays, weight_arrays(content.sizes));
    content.statistics = numbers_of(arrays, statistic_arrays(content.sizes));
    content.feature_mean = numbers_of(feature_mean);
    content.feature_scale = numbers_of(feature_scale);
    check("model", content);
  });
  return content;
}

nb::dict arrays_of(const ModelContent& content) {
  nb::dict all;
  add_arrays(all, weight_arrays(content.sizes), content.weights);
  add_arrays(all, statistic_arrays(content.sizes), content.statistics);
  return all;
}

nb::dict result_of(AlignedVideos aligned) {
  lrprop::VideoAlignment& found = aligned.alignment;
  std::vector<std::int64_t> cells;
  for (const kernels::PathCell& cell : found.path) {
    cells.push_back(cell.row);
    cells.push_back(cell.column);
  }
  const auto rows = static_cast<std::size_t>(found.rows), columns = static_cast<std::size_t>(found.columns);
  nb::dict result;
  result["cost"] = found.cost;
  result["cells"] = array_of(std::move(cells), {found.path.size(), 2});
  result["distances"] = array_of(std::move(found.distances), {rows, columns});
  result["frames_of_b"] = array_of(std::move(found.of_rows), {rows});
  result["frames_of_a"] = array_of(std::move(found.of_columns), {columns});
  result["svg"] = aligned.svg;
  return result;
}

}  // namespace

NB_MODULE(_lrprop, module) {
  Computation::end_before_python();
  set_memory_advice("use fewer frames, a smaller model or fewer threads");

  nb::class_<ModelContent>(module, "Model")
      .def(
          "__init__",
          [](ModelContent* self, const Sizes& sizes, double dropout, const nb::dict& arrays,
             const std::optional<FloatRow>& feature_mean, const std::optional<FloatRow>& feature_scale,
             std::int64_t epoch, std::string config) {
            new (self)
                ModelContent(make_model(sizes, dropout, arrays, feature_mean, feature_scale, epoch, std::move(config)));
          },
          nb::arg("sizes"), nb::arg("dropout"), nb::arg("arrays"), nb::arg("feature_mean").none(),
          nb::arg("feature_scale").none(), nb::arg("epoch"), nb::arg("config"))
      .def_prop_ro("sizes", [](const ModelContent& model) { return sizes_of(model.sizes); })
      .def_ro("dropout", &ModelContent::dropout)
      .def_prop_ro("arrays", &arrays_of)
      .def_prop_ro("feature_mean", [](const ModelContent& model) { return row_or_none(model.feature_mean); })
      .def_prop_ro("feature_scale", [](const ModelContent& model) { return row_or_none(model.feature_scale); })
      .def_ro("epoch", &ModelContent::epoch)
      .def_ro("config", &ModelContent::config)
      .def_rw("encoder", &ModelContent::encoder)
      .def_prop_ro("digest", [](const ModelContent& model) { return lrprop::digest_of(model); });

  define_configured(module, lrprop::key_table(), lrprop::named_configs());

  module.def("configuration", [](const GivenSettings& given) {
    const std::vector<Setting> settings = settings_of(given);
    return translated([&] { return embedder_configuration(settings); });
  });

  module.def(
      "train",
      [](const std::vector<FloatRows>& rows, std::vector<std::int32_t> labels, std::vector<std::string> action_names,
         const std::string& configuration, int threads, nb::object log) {
        const io::MemorySamples videos = samples_of(rows, std::move(labels), std::move(action_names));
        return compute(std::move(log), [&] { return train_embedder(videos, configuration, threads); });
      },
      nb::arg("rows"), nb::arg("labels"), nb::arg("action_names"), nb::arg("configuration"), nb::arg("threads"),
      nb::arg("log").none());

  module.def(
      "embed",
      [](const ModelContent& model, const std::vector<FloatRows>& rows, const std::string& configuration, int threads) {
        const io::MemorySamples videos = samples_of(rows, {}, {});
        std::vector<std::vector<float>> embeddings =
            compute(nb::none(), [&] { return embed(model, videos, configuration, threads); });
        nb::list all;
        const auto width = static_cast<std::size_t>(model.sizes.embedding);
        for (std::vector<float>& one : embeddings) {
          const std::size_t frames = one.size() / width;
          all.append(array_of(std::move(one), {frames, width}));
        }
        return all;
      },
      nb::arg("model"), nb::arg("rows"), nb::arg("configuration"), nb::arg("threads"));

  module.def(
      "align",
      [](const ModelContent& model, const FloatRows& a, const FloatRows& b, const std::array<std::string, 2>& names,
         const std::string& configuration, int threads) {
        const io::MemorySamples videos = samples_of({a, b}, {}, {});
        return result_of(
            compute(nb::none(), [&] { return align_videos(model, videos, names, configuration, threads); }));
      },
      nb::arg("model"), nb::arg("a"), nb::arg("b"), nb::arg("names"), nb::arg("configuration"), nb::arg("threads"));
}

}  // namespace alignment::python
