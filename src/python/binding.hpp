#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "dist/errors.hpp"
#include "io/store/memory_samples.hpp"
#include "src/job/exit_code.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/python/in_memory.hpp"

/// What the package's modules share: Python's arrays, settings and errors, and the interpreter's lock.
namespace alignment::python {

namespace nb = nanobind;

using FloatRows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

/// A computation of a Python thread that has let go of the interpreter: from before that until it has it again. Where
/// Python ends meanwhile, the thread being a daemon, it must not ask for the interpreter any more: Python would end it
/// by unwinding its stack, which C++ answers with an abort. So Python's end waits until computations, which then are
/// asked to stop, have ended, and their threads stay where they are.
class Computation {
 public:
  Computation();
  ~Computation();
  Computation(const Computation&) = delete;
  Computation& operator=(const Computation&) = delete;

  /// Comes before the interpreter is asked for: does not return where Python ends.
  void stay_if_python_ends();

  [[nodiscard]] static bool python_ends();
  /// Has Python wait for the computations of this module when it ends.
  static void end_before_python();
};

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
  void finish() const;

 private:
  bool asked_to_stop();
  void tell(LogLevel level, const std::string& line);

  nb::object log_;
  bool raised_ = false;
  std::chrono::steady_clock::time_point last_asked_;
  StopQuestion asked_;
  LogOfThread lines_;
};

/// Raises in Python what C++ has thrown: ValueError for bad input, MemoryError, RuntimeError.
[[noreturn]] void raise(const dist::Failure& failure);

/// Does `work`, and raises in Python what it throws.
template <typename Work>
auto translated(Work&& work) {
  try {
    return work();
  } catch (...) {
    raise(describe(std::current_exception()));
  }
}

/// Runs `work` without the interpreter's lock.
template <typename Work>
auto compute(nb::object log, Work&& work) {
  Conversation conversation(std::move(log));
  std::optional<decltype(work())> result;
  std::optional<dist::Failure> failure;
  {
    Computation computation;
    const nb::gil_scoped_release others_may_run;
    computation.stay_if_python_ends();  // which waits no more for what begins now
    try {
      result = work();
    } catch (...) {
      failure = describe(std::current_exception());
    }
    computation.stay_if_python_ends();
  }
  conversation.finish();
  if (failure) raise(*failure);
  return *std::move(result);
}

/// Arrays [T,F] as samples; `labels` may be empty: none has one. The arrays must outlive them.
[[nodiscard]] io::MemorySamples samples_of(const std::vector<FloatRows>& rows, std::vector<std::int32_t> labels,
                                           std::vector<std::string> class_names);

/// Settings as Python gives them: (name, key, value).
using GivenSettings = std::vector<std::tuple<std::string, std::string, nb::object>>;
[[nodiscard]] std::vector<Setting> settings_of(const GivenSettings& given);

/// Adds configured(configuration, keys) -> {key: value} to the module (in_memory.hpp). Both must outlive it.
void define_configured(nb::module_& module, const KeyTable& keys, const std::vector<NamedConfig>& configs);

/// An array of its own memory.
template <typename Number>
nb::object array_of(std::vector<Number> values, std::initializer_list<std::size_t> shape) {
  auto kept = std::make_unique<std::vector<Number>>(std::move(values));
  Number* const data = kept->data();
  const nb::capsule owner(kept.release(),
                          [](void* memory) noexcept { delete static_cast<std::vector<Number>*>(memory); });
  return nb::cast(nb::ndarray<nb::numpy, Number>(data, shape, owner));
}

}  // namespace alignment::python
