#include <nanobind/stl/pair.h>

#include <type_traits>
#include <utility>
#include <variant>

#include "src/dejavid/config/config_keys.hpp"
#include "src/dejavid/model/model_content.hpp"
#include "src/job/exit_code.hpp"
#include "src/python/binding.hpp"
#include "src/python/classifier.hpp"

namespace alignment::python {
namespace {

using dejavid::ModelContent;
using FloatCube = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

ModelContent make_model(const FloatCube& centroids, const FloatCube& log_weights, std::vector<std::string> class_names,
                        bool diagonal, bool slope, std::int64_t epoch, std::string config) {
  ModelContent content;
  content.classes = static_cast<std::int64_t>(centroids.shape(0));
  content.steps = static_cast<std::int64_t>(centroids.shape(1));
  content.feature_dim = static_cast<std::int64_t>(centroids.shape(2));
  content.centroids.assign(centroids.data(), centroids.data() + centroids.size());
  content.log_weights.assign(log_weights.data(), log_weights.data() + log_weights.size());
  content.class_names = std::move(class_names);
  content.diagonal = diagonal;
  content.slope = slope;
  content.epoch = epoch;
  content.config = std::move(config);
  translated([&] { dejavid::check("model", content); });
  return content;
}

nb::dict path_of(const dejavid::Finding& found, const dejavid::ClassAlignment& one) {
  std::vector<std::int64_t> cells;
  dejavid::for_each_cell(one, found.length, [&](std::int64_t step, std::int64_t frame, double) {
    cells.push_back(step);
    cells.push_back(frame);
  });
  const std::size_t cell_count = cells.size() / 2;
  nb::dict path;
  path["label"] = one.label;
  path["distance"] = found.distances[static_cast<std::size_t>(one.label)];
  path["cells"] = array_of(std::move(cells), {cell_count, 2});
  path["costs"] = array_of(one.cost, {one.columns.size(), static_cast<std::size_t>(found.length)});
  path["step_costs"] = array_of(one.step_costs, {one.step_costs.size()});
  return path;
}

}  // namespace

NB_MODULE(_core, module) {
  Computation::end_before_python();
  set_memory_advice("use a smaller batch_size, fewer steps or fewer threads");

  nb::class_<ModelContent>(module, "Model")
      .def("__init__",
           [](ModelContent* self, const FloatCube& centroids, const FloatCube& log_weights,
              std::vector<std::string> class_names, bool diagonal, bool slope, std::int64_t epoch, std::string config) {
             new (self) ModelContent(
                 make_model(centroids, log_weights, std::move(class_names), diagonal, slope, epoch, std::move(config)));
           })
      .def_prop_ro("centroids",
                   [](const ModelContent& model) {
                     return array_of(model.centroids,
                                     {static_cast<std::size_t>(model.classes), static_cast<std::size_t>(model.steps),
                                      static_cast<std::size_t>(model.feature_dim)});
                   })
      .def_prop_ro("log_weights",
                   [](const ModelContent& model) {
                     return array_of(model.log_weights,
                                     {static_cast<std::size_t>(model.classes), static_cast<std::size_t>(model.steps),
                                      static_cast<std::size_t>(model.feature_dim)});
                   })
      .def_ro("class_names", &ModelContent::class_names)
      .def_ro("diagonal", &ModelContent::diagonal)
      .def_ro("slope", &ModelContent::slope)
      .def_ro("epoch", &ModelContent::epoch)
      .def_rw("held_out", &ModelContent::held_out)
      .def_rw("encoder", &ModelContent::encoder)
      .def_rw("val_top1", &ModelContent::val_top1)
      .def_rw("val_top5", &ModelContent::val_top5)
      .def_rw("validated_on", &ModelContent::validated_on)
      .def_ro("config", &ModelContent::config)
      .def_prop_ro("sample_features", &sample_features)
      .def_prop_ro("digests", [](const ModelContent& model) {
        return std::pair(dejavid::digest_of_arrays(model), dejavid::digest_of_header(model));
      });

  define_configured(module, dejavid::key_table(), dejavid::named_configs());

  module.def("configuration", [](const GivenSettings& given) {
    const std::vector<Setting> settings = settings_of(given);
    return translated([&] { return configuration_of(settings); });
  });

  module.def(
      "fit",
      [](const std::vector<FloatRows>& rows, std::vector<std::int32_t> labels, std::vector<std::string> class_names,
         const std::string& configuration, int threads, nb::object log) {
        const io::MemorySamples samples = samples_of(rows, std::move(labels), std::move(class_names));
        return compute(std::move(log), [&] { return fit(samples, configuration, threads); });
      },
      nb::arg("rows"), nb::arg("labels"), nb::arg("class_names"), nb::arg("configuration"), nb::arg("threads"),
      nb::arg("log").none());

  module.def(
      "predict",
      [](const ModelContent& model, const std::vector<FloatRows>& rows, int threads) {
        const io::MemorySamples samples = samples_of(rows, {}, model.class_names);
        Predictions predictions = compute(nb::none(), [&] { return predict(model, samples, threads); });
        const std::size_t count = rows.size(), classes = static_cast<std::size_t>(model.classes);
        return std::pair(array_of(std::move(predictions.distances), {count, classes}),
                         array_of(std::move(predictions.probabilities), {count, classes}));
      },
      nb::arg("model"), nb::arg("rows"), nb::arg("threads"));

  module.def(
      "align",
      [](const ModelContent& model, const FloatRows& rows, std::int32_t label, const std::string& name, int threads) {
        const io::MemorySamples samples = samples_of({rows}, {label}, model.class_names);
        Alignment alignment = compute(nb::none(), [&] { return align(model, samples, name, threads); });
        const dejavid::Finding& found = alignment.finding;
        nb::dict result;
        result["prediction"] = found.prediction;
        result["probability"] = found.confidence;
        result["distances"] = array_of(found.distances, {found.distances.size()});
        nb::list paths;
        for (const dejavid::ClassAlignment& one : found.alignments) paths.append(path_of(found, one));
        result["paths"] = paths;
        result["svg"] = alignment.svg;
        return result;
      },
      nb::arg("model"), nb::arg("rows"), nb::arg("label"), nb::arg("name"), nb::arg("threads"));
}

}  // namespace alignment::python
