#include "src/programs/dejavid_bench/problems/alignment_kernels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "kernels/alignment_variants.hpp"
#include "kernels/dtw.hpp"
#include "kernels/pairwise.hpp"
#include "kernels/soft_dtw.hpp"
#include "src/dejavid/cpu/aligned_buffer.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/roof/roof.hpp"

namespace alignment::dejavid::bench {
namespace {

using kernels::cpu::AlignmentVariant;

constexpr double kGamma = 0.1;  // as training has it
constexpr int kThreads = 1;
constexpr std::string_view kReference = "reference";

/// What every contestant writes.
struct Results {
  double value = 0;
  std::vector<float> alignment, distances;
  std::vector<kernels::PathCell> path;
  std::vector<std::int64_t> nearest_of_rows, nearest_of_columns;
};

/// One operation on two drawn videos, by the reference or by an instruction set.
class AlignmentProblem {
 public:
  AlignmentProblem(std::int64_t length, std::int64_t width) : length_(length), width_(width) {
    std::mt19937 generator;  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same numbers in every run
    std::normal_distribution<float> normal;
    for (std::vector<float>& rows : videos_) {
      rows.resize(static_cast<std::size_t>(length * width));
      for (std::int64_t row = 0; row < length; ++row) {
        float* const first = rows.data() + row * width;
        double square = 0;
        for (std::int64_t e = 0; e < width; ++e) {
          first[e] = normal(generator);
          square += static_cast<double>(first[e]) * static_cast<double>(first[e]);
        }
        for (std::int64_t e = 0; e < width; ++e) first[e] /= static_cast<float>(std::sqrt(square));
      }
    }
    distances_.resize(static_cast<std::size_t>(length * length));
    kernels::reference::pairwise_distances(rows(0), rows(1), distances_.data());
  }

  [[nodiscard]] Results room() const {
    Results results;
    results.alignment.resize(distances_.size());
    results.distances.resize(distances_.size());
    results.path.resize(static_cast<std::size_t>(2 * length_ - 1));
    results.nearest_of_rows.resize(static_cast<std::size_t>(length_));
    results.nearest_of_columns.resize(static_cast<std::size_t>(length_));
    return results;
  }

  /// nullptr: the reference.
  void soft_dtw(const AlignmentVariant* variant, bool gradient, Results& results) {
    float* const alignment = gradient ? results.alignment.data() : nullptr;
    if (variant == nullptr) {
      kernels::reference::soft_dtw(matrices(), kGamma, &results.value, alignment);
      return;
    }
    std::byte* const workspace =
        workspace_.reserve(kernels::cpu::soft_dtw_workspace_bytes(matrices(), gradient, kThreads));
    kernels::cpu::soft_dtw(matrices(), kGamma, &results.value, alignment, workspace, kThreads, *variant);
  }
  void dtw(const AlignmentVariant* variant, Results& results) {
    results.path.resize(static_cast<std::size_t>(2 * length_ - 1));
    std::int64_t cells = 0;
    if (variant == nullptr) {
      cells = kernels::reference::dtw_path(distances_.data(), length_, length_, results.path.data(), nullptr);
    } else {
      cells = kernels::cpu::dtw_path(distances_.data(), length_, length_, results.path.data(), nullptr,
                                     workspace_.reserve(kernels::cpu::dtw_path_workspace_bytes(length_, length_)),
                                     *variant);
    }
    results.path.resize(static_cast<std::size_t>(cells));
  }
  void distances(const AlignmentVariant* variant, Results& results) {
    if (variant == nullptr) {
      kernels::reference::pairwise_distances(rows(0), rows(1), results.distances.data());
      return;
    }
    kernels::cpu::pairwise_distances(
        rows(0), rows(1), results.distances.data(),
        workspace_.reserve(kernels::cpu::pairwise_distances_workspace_bytes<float>(length_, width_)), kThreads,
        *variant);
  }
  void compare_rows(const AlignmentVariant* variant, Results& results) {
    kernels::Comparison comparison;
    comparison.nearest_of_rows = results.nearest_of_rows.data();
    comparison.nearest_of_columns = results.nearest_of_columns.data();
    if (variant == nullptr) {
      kernels::reference::compare_rows(rows(0), rows(1), comparison);
      return;
    }
    kernels::cpu::compare_rows(
        rows(0), rows(1), comparison,
        workspace_.reserve(kernels::cpu::compare_rows_workspace_bytes(length_, length_, width_, 0, kThreads)), kThreads,
        *variant);
  }

 private:
  [[nodiscard]] kernels::RowsView<float> rows(std::size_t video) const {
    return {videos_[video].data(), length_, width_};
  }
  [[nodiscard]] kernels::MatricesView<float> matrices() const {
    return {distances_.data(), &kOffset, &length_, &length_, 1};
  }

  static constexpr std::int64_t kOffset = 0;
  std::int64_t length_, width_;
  std::array<std::vector<float>, 2> videos_;
  std::vector<float> distances_;
  AlignedBuffer<std::byte> workspace_;
};

struct Operation {
  std::string_view name;
  bool of_rows;  ///< not of a table of distances
  void (*run)(AlignmentProblem& problem, const AlignmentVariant* variant, Results& results);
};

constexpr std::array<Operation, 5> kOperations{
    {{"soft_dtw", false,
      [](AlignmentProblem& problem, const AlignmentVariant* variant, Results& results) {
        problem.soft_dtw(variant, /*gradient=*/false, results);
      }},
     {"soft_dtw_gradient", false,
      [](AlignmentProblem& problem, const AlignmentVariant* variant, Results& results) {
        problem.soft_dtw(variant, /*gradient=*/true, results);
      }},
     {"dtw", false,
      [](AlignmentProblem& problem, const AlignmentVariant* variant, Results& results) {
        problem.dtw(variant, results);
      }},
     {"distances", true,
      [](AlignmentProblem& problem, const AlignmentVariant* variant, Results& results) {
        problem.distances(variant, results);
      }},
     {"compare_rows", true, [](AlignmentProblem& problem, const AlignmentVariant* variant, Results& results) {
        problem.compare_rows(variant, results);
      }}}};

bool close(const std::vector<float>& found, const std::vector<float>& wanted, float relative, float absolute) {
  return std::equal(found.begin(), found.end(), wanted.begin(), wanted.end(), [&](float one, float other) {
    return std::fabs(one - other) <= relative * std::fabs(other) + absolute;
  });
}

bool agree(const Results& found, const Results& wanted) {
  constexpr double kValue = 1e-11;                        // of a sum of as many terms as a path has
  constexpr float kDistance = 1e-6F, kAlignment = 1e-6F;  // relative; of 1
  return std::fabs(found.value - wanted.value) <= kValue * (1 + std::fabs(wanted.value)) &&
         close(found.alignment, wanted.alignment, 0, kAlignment) &&
         close(found.distances, wanted.distances, kDistance, 0) &&
         std::equal(found.path.begin(), found.path.end(), wanted.path.begin(), wanted.path.end(),
                    [](const kernels::PathCell& one, const kernels::PathCell& other) {
                      return one.row == other.row && one.column == other.column;
                    }) &&
         found.nearest_of_rows == wanted.nearest_of_rows && found.nearest_of_columns == wanted.nearest_of_columns;
}

/// The reference or an instruction set at one operation.
struct Contestant {
  const AlignmentVariant* variant;  ///< nullptr: the reference
  RoofMeter roof;                   ///< where one is known
  Results results;
  std::vector<double> seconds, roof_elements;
};

/// Of this thread.
double processor_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  constexpr double kNano = 1e-9;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * kNano;
}

/// Processor time of a call, averaged over as many as take `least_seconds`.
double average_seconds(const std::function<void()>& work, double least_seconds) {
  const double begin = processor_seconds();
  double elapsed = 0;
  int calls = 0;
  do {
    work();
    ++calls;
    elapsed = processor_seconds() - begin;
  } while (elapsed < least_seconds);
  return elapsed / calls;
}

Record record_of(const Contestant& contestant, const Contestant& reference, const Operation& operation,
                 std::int64_t length, std::int64_t width) {
  const auto cells = static_cast<double>(length) * static_cast<double>(length);
  const Summary summary = summarize(contestant.seconds);
  Record record;
  record.part = "lrprop";
  record.variant = contestant.variant == nullptr ? kReference : contestant.variant->name;
  record.name = fmt::format("{}/{}", operation.name, record.variant);
  record.shape.features = operation.of_rows ? width : 1;
  record.shape.length = static_cast<double>(length);
  record.shape.samples = 1;
  record.seconds = summary.seconds;
  record.spread = summary.spread;
  record.elements = cells * static_cast<double>(record.shape.features);
  constexpr double kNano = 1e9;
  record.more["ns_per_cell"] = summary.seconds / cells * kNano;
  record.note = fmt::format("{:.3g} ns a cell", summary.seconds / cells * kNano);
  if (!contestant.roof_elements.empty()) {
    record.roof = summarize(contestant.roof_elements).seconds / summary.seconds;
    record.most_of_roof = kMostOfRoof;
  }
  if (contestant.variant == nullptr) return record;
  std::vector<double> ratios;
  for (std::size_t turn = 0; turn < contestant.seconds.size(); ++turn) {
    ratios.push_back(reference.seconds[turn] / contestant.seconds[turn]);
  }
  const Summary ratio = summarize(ratios);
  record.more["times_reference"] = ratio.seconds;
  record.more["times_reference_spread"] = ratio.spread;
  record.note +=
      fmt::format(", {:.3g} times as fast as the reference (spread {:.0f} %)", ratio.seconds, ratio.spread * 100);
  return record;
}

std::vector<Record> measure_operation(const Operation& operation, std::int64_t length, std::int64_t width,
                                      const Patience& patience) {
  AlignmentProblem problem(length, width);
  std::vector<Contestant> contestants;
  contestants.push_back({nullptr, {}, problem.room(), {}, {}});
  for (const AlignmentVariant& variant : kernels::cpu::alignment_variants()) {
    if (!variant.supported()) continue;
    contestants.push_back({&variant, {}, problem.room(), {}, {}});
    if (operation.name == "compare_rows") contestants.back().roof = f64_roof_meter(variant, kThreads);
  }
  const Contestant& reference = contestants.front();
  for (Contestant& contestant : contestants) {
    operation.run(problem, contestant.variant, contestant.results);
    if (agree(contestant.results, reference.results)) continue;
    throw std::runtime_error(fmt::format(
        "{}/{} of {} frames, {} wide: found other results than the reference's; expected the same; do not use this "
        "build",
        operation.name, contestant.variant->name, length, width));
  }
  for (int turn = 0; turn < patience.repeats; ++turn) {
    for (Contestant& contestant : contestants) {
      stop_if_asked();
      contestant.seconds.push_back(
          average_seconds([&] { operation.run(problem, contestant.variant, contestant.results); }, patience.seconds));
      if (contestant.roof) contestant.roof_elements.push_back(contestant.seconds.back() * contestant.roof());
    }
  }
  std::vector<Record> records;
  for (const Contestant& contestant : contestants) {
    records.push_back(record_of(contestant, reference, operation, length, width));
  }
  return records;
}

}  // namespace

std::vector<Record> measure_alignment_kernels(const std::vector<std::int64_t>& lengths,
                                              const std::vector<std::int64_t>& widths, const Patience& patience) {
  std::vector<Record> records;
  for (const std::int64_t length : lengths) {
    log_info(fmt::format("measuring alignment kernels of {} frames", length));
    for (const Operation& operation : kOperations) {
      for (const std::int64_t width : widths) {
        const auto measured = measure_operation(operation, length, width, patience);
        records.insert(records.end(), measured.begin(), measured.end());
        if (!operation.of_rows) break;
      }
    }
  }
  return records;
}

}  // namespace alignment::dejavid::bench
