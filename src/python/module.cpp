#include <fmt/format.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "dist/errors.hpp"
#include "src/dejavid/model/model_content.hpp"
#include "src/job/exit_code.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/python/classifier.hpp"

namespace nb = nanobind;

namespace alignment::python {
namespace {

using dejavid::ModelContent;
using FloatRows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using FloatCube = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

/// What a computation tells the Python thread that waits for it, and is asked by it: lines of the log, and whether a
/// signal came (Ctrl-C). The interpreter is free meanwhile. What Python raises stays set until finish().
class Conversation {
 public:
  /// `log(level, line)`: level 1 information, 2 a warning; or None.
  explicit Conversation(nb::object log)
      : log_(std::move(log)),
        asked_([this] { return asked_to_stop(); }),
        lines_([this](LogLevel level, const std::string& line) { tell(level, line); }) {}

  /// Throws what Python raised.
  void finish() const {
    if (raised_) throw nb::python_error();
  }

 private:
  bool asked_to_stop() {
    // Another Python thread may take as long to let go of the interpreter as a step takes.
    constexpr std::chrono::milliseconds kPause{10};
    const auto now = std::chrono::steady_clock::now();
    if (raised_ || now - last_asked_ < kPause) return raised_;
    last_asked_ = now;
    const nb::gil_scoped_acquire interpreter;
    raised_ = PyErr_CheckSignals() != 0;
    return raised_;
  }

  void tell(LogLevel level, const std::string& line) {
    if (raised_ || level == LogLevel::kDetail) return;
    const nb::gil_scoped_acquire interpreter;
    if (log_.is_none()) return;
    try {
      log_(static_cast<int>(level), line);
    } catch (nb::python_error& error) {
      error.restore();
      raised_ = true;
    }
  }

  nb::object log_;
  bool raised_ = false;
  std::chrono::steady_clock::time_point last_asked_;
  StopQuestion asked_;
  LogOfThread lines_;
};

/// Exit codes that stand for bad input.
bool is_bad_input(int code) {
  constexpr ExitCode kBad[] = {ExitCode::kUsage, ExitCode::kStore, ExitCode::kModel, ExitCode::kNotFinite};
  return std::any_of(std::begin(kBad), std::end(kBad), [&](ExitCode bad) { return code == static_cast<int>(bad); });
}

/// Raises in Python what C++ has thrown.
[[noreturn]] void raise(const dist::Failure& failure) {
  if (is_bad_input(failure.code)) throw nb::value_error(failure.message.c_str());
  const bool memory = failure.message.starts_with(kTooLittleMemory);
  PyErr_SetString(memory ? PyExc_MemoryError : PyExc_RuntimeError, failure.message.c_str());
  throw nb::python_error();
}

/// Runs `work` without the interpreter's lock.
template <typename Work>
auto compute(nb::object log, Work&& work) {
  Conversation conversation(std::move(log));
  std::optional<decltype(work())> result;
  std::optional<dist::Failure> failure;
  {
    const nb::gil_scoped_release others_may_run;
    try {
      result = work();
    } catch (...) {
      failure = describe(std::current_exception());
    }
  }
  conversation.finish();
  if (failure) raise(*failure);
  return *std::move(result);
}

/// Arrays [T,F] as samples; `labels` may be empty: none has one.
io::MemorySamples samples_of(const std::vector<FloatRows>& rows, std::vector<std::int32_t> labels,
                             std::vector<std::string> class_names) {
  io::MemorySamples samples{.name = "X",
                            .feature_dim = rows.empty() ? 0 : static_cast<std::int64_t>(rows.front().shape(1)),
                            .rows = {},
                            .lengths = {},
                            .labels = std::move(labels),
                            .class_names = std::move(class_names)};
  for (const FloatRows& one : rows) {
    if (static_cast<std::int64_t>(one.shape(1)) != samples.feature_dim) {
      throw nb::value_error("X: found samples of different numbers of features; expected the same in all");
    }
    samples.rows.push_back(one.data());
    samples.lengths.push_back(static_cast<std::int64_t>(one.shape(0)));
  }
  if (samples.labels.empty()) samples.labels.assign(rows.size(), io::kNoLabel);
  return samples;
}

RawValue raw_value(const std::string& name, nb::handle value) {
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);
  if (nb::isinstance<nb::int_>(value)) {
    try {
      return nb::cast<std::int64_t>(value);
    } catch (const std::bad_cast&) {
      throw nb::value_error(fmt::format("{}: found a number beyond 64 bits; expected a smaller one", name).c_str());
    }
  }
  if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
  if (nb::isinstance<nb::str>(value)) return nb::cast<std::string>(value);
  return ForeignValue{nb::cast<std::string>(nb::repr(value.type()))};
}

/// An array of its own memory.
template <typename Number>
nb::object array_of(std::vector<Number> values, std::initializer_list<std::size_t> shape) {
  auto kept = std::make_unique<std::vector<Number>>(std::move(values));
  Number* const data = kept->data();
  const nb::capsule owner(kept.release(),
                          [](void* memory) noexcept { delete static_cast<std::vector<Number>*>(memory); });
  return nb::cast(nb::ndarray<nb::numpy, Number>(data, shape, owner));
}

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
  try {
    dejavid::check("model", content);
  } catch (...) {
    raise(describe(std::current_exception()));
  }
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
      .def_rw("val_top1", &ModelContent::val_top1)
      .def_rw("val_top5", &ModelContent::val_top5)
      .def_rw("validated_on", &ModelContent::validated_on)
      .def_ro("config", &ModelContent::config)
      .def_prop_ro("sample_features", &sample_features)
      .def_prop_ro("digests", [](const ModelContent& model) {
        return std::pair(dejavid::digest_of_arrays(model), dejavid::digest_of_header(model));
      });

  module.def("configuration", [](const std::vector<std::tuple<std::string, std::string, nb::object>>& settings) {
    std::vector<Setting> all;
    for (const auto& [name, key, value] : settings) all.push_back({name, key, raw_value(name, value)});
    try {
      return configuration_of(all);
    } catch (...) {
      raise(describe(std::current_exception()));
    }
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
