#include "src/python/binding.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>

namespace alignment::python {

namespace {

std::atomic<int> under_way = 0;  ///< computations
std::atomic<bool> ending = false;

void end_computations() {
  ending = true;
  if (under_way == 0) return;
  nb::set_leak_warnings(false);  // threads that stay keep what they were given
  const nb::gil_scoped_release theirs_for_a_last_word;
  while (under_way > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

Computation::Computation() {
  ++under_way;
}

Computation::~Computation() {
  --under_way;
}

void Computation::stay_if_python_ends() {
  if (!ending) return;
  --under_way;
  for (;;) pause();
}

bool Computation::python_ends() {
  return ending;
}

void Computation::end_before_python() {
  pthread_atfork(nullptr, nullptr, [] { under_way = 0; });  // a child has none of the threads that compute
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(&end_computations));
}

void Conversation::finish() const {
  if (raised_) throw nb::python_error();
}

bool Conversation::asked_to_stop() {
  // Another Python thread may take as long to let go of the interpreter as a step takes.
  constexpr std::chrono::milliseconds kPause{10};
  const auto now = std::chrono::steady_clock::now();
  if (Computation::python_ends()) return true;
  if (raised_ || now - last_asked_ < kPause) return raised_;
  last_asked_ = now;
  const nb::gil_scoped_acquire interpreter;
  raised_ = PyErr_CheckSignals() != 0;
  return raised_;
}

void Conversation::tell(LogLevel level, const std::string& line) {
  if (raised_ || level == LogLevel::kDetail || Computation::python_ends()) return;
  const nb::gil_scoped_acquire interpreter;
  if (log_.is_none()) return;
  try {
    log_(static_cast<int>(level), line);
  } catch (nb::python_error& error) {
    error.restore();
    raised_ = true;
  }
}

namespace {

/// Exit codes that stand for bad input.
bool is_bad_input(int code) {
  constexpr ExitCode kBad[] = {ExitCode::kUsage, ExitCode::kStore, ExitCode::kModel, ExitCode::kNotFinite};
  return std::any_of(std::begin(kBad), std::end(kBad), [&](ExitCode bad) { return code == static_cast<int>(bad); });
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

}  // namespace

void raise(const dist::Failure& failure) {
  if (is_bad_input(failure.code)) throw nb::value_error(failure.message.c_str());
  const bool memory = failure.message.starts_with(kTooLittleMemory);
  PyErr_SetString(memory ? PyExc_MemoryError : PyExc_RuntimeError, failure.message.c_str());
  throw nb::python_error();
}

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

namespace {

nb::object python_value(const RawValue& value) {
  return std::visit(
      [](const auto& known) {
        if constexpr (std::is_same_v<std::decay_t<decltype(known)>, ForeignValue>) {
          return nb::cast(known.text);
        } else {
          return nb::cast(known);
        }
      },
      value);
}

}  // namespace

void define_configured(nb::module_& module, const KeyTable& keys, const std::vector<NamedConfig>& configs) {
  module.def("configured", [&](const std::string& configuration, const std::vector<std::string>& names) {
    nb::dict values;
    for (const auto& [name, value] : translated([&] { return configured(keys, configs, configuration, names); })) {
      values[name.c_str()] = python_value(value);
    }
    return values;
  });
}

std::vector<Setting> settings_of(const GivenSettings& given) {
  std::vector<Setting> settings;
  for (const auto& [name, key, value] : given) settings.push_back({name, key, raw_value(name, value)});
  return settings;
}

}  // namespace alignment::python
