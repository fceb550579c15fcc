#include "src/lrprop/evaluation/support_vectors.hpp"

#include <libsvm/svm.h>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <numeric>

#include "src/lrprop/evaluation/matrices.hpp"

namespace alignment::lrprop {
namespace {

constexpr std::int64_t kRowsAtATime = 256;

/// libsvm can only be stopped from where it reports progress: every thousand steps or so. What it has allocated by then
/// is lost, and whoever stops a fit ends.
thread_local const StopFlag* stop_of_this_thread = nullptr;

void look_for_stop(const char*) {
  if (stop_of_this_thread != nullptr && *stop_of_this_thread) throw FitStopped();
}

/// `limit` of the frames, evenly spaced, those of a lower label first: libsvm takes the classes in order of appearance.
std::vector<std::int64_t> frames_by_label(const PooledFrames& frames, std::int64_t limit) {
  const std::int64_t count = limit > 0 ? std::min(limit, frames.count()) : frames.count();
  std::vector<std::int64_t> chosen;
  for (std::int64_t n = 0; n < count; ++n) chosen.push_back(n * frames.count() / count);
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::int64_t a, std::int64_t b) {
    return frames.labels()[static_cast<std::size_t>(a)] < frames.labels()[static_cast<std::size_t>(b)];
  });
  return chosen;
}

/// 1 / (E var) as numpy's var has it: the mean of the squares of what is left without the mean.
double gamma_of(const std::vector<double>& numbers, std::int64_t width) {
  const auto count = static_cast<double>(numbers.size());
  const double mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / count;
  const double variance = std::accumulate(numbers.begin(), numbers.end(), 0.0,
                                          [&](double sum, double x) { return sum + (x - mean) * (x - mean); }) /
                          count;
  return variance > 0 ? 1 / (static_cast<double>(width) * variance) : 1;
}

/// Rows [N,E] in libsvm's form: the numbers that are not 0 with their places from 1, and -1 at the end.
struct SparseRows {
  SparseRows(const std::vector<double>& rows, std::int64_t width) {
    const auto length = static_cast<std::size_t>(width);
    nodes.reserve(rows.size() + rows.size() / length);
    std::vector<std::size_t> begins;
    for (std::size_t first = 0; first < rows.size(); first += length) {
      begins.push_back(nodes.size());
      for (std::size_t e = 0; e < length; ++e) {
        if (rows[first + e] != 0) nodes.push_back({static_cast<int>(e) + 1, rows[first + e]});
      }
      nodes.push_back({-1, 0});
    }
    for (const std::size_t begin : begins) pointers.push_back(nodes.data() + begin);
  }
  std::vector<svm_node> nodes;
  std::vector<svm_node*> pointers;
};

svm_parameter parameters_of(double gamma) {
  svm_parameter parameters{};
  parameters.svm_type = C_SVC;
  parameters.kernel_type = RBF;
  parameters.gamma = gamma;
  parameters.cache_size = SupportVectors::kCacheMegabytes;
  parameters.eps = 1e-3;
  parameters.C = 1;
  parameters.shrinking = 1;
  return parameters;
}

struct FreeModel {
  void operator()(svm_model* model) const { svm_free_and_destroy_model(&model); }
};

}  // namespace

/// Support vectors lie class by class. Those of classes c and d decide between the two: column d - 1 of the weights of
/// c's, column c of the weights of d's.
struct SupportVectors::Machine {
  double gamma = 1;
  std::int64_t trained_on = 0;
  std::vector<std::int32_t> phases;  ///< of each class
  std::vector<Eigen::Index> firsts;  ///< where the vectors of each class begin, and their end
  Matrix vectors;                    ///< [E,S]
  Vector norms;                      ///< [S] squared
  std::vector<Vector> weights;       ///< [S] for each of classes - 1 columns
  std::vector<double> thresholds;    ///< of each pair of classes c < d

  void take(const svm_model& model, std::int64_t width) {
    const auto classes = static_cast<std::size_t>(model.nr_class);
    phases.assign(model.label, model.label + classes);
    firsts.assign(1, 0);
    for (std::size_t c = 0; c < classes; ++c) firsts.push_back(firsts.back() + model.nSV[c]);
    thresholds.assign(model.rho, model.rho + classes * (classes - 1) / 2);
    for (std::size_t column = 0; column + 1 < classes; ++column) {
      weights.emplace_back(Eigen::Map<const Vector>(model.sv_coef[column], model.l));
    }
    vectors = Matrix::Zero(width, model.l);
    for (Eigen::Index s = 0; s < model.l; ++s) {
      for (const svm_node* node = model.SV[s]; node->index > 0; ++node) vectors(node->index - 1, s) = node->value;
    }
    norms = vectors.colwise().squaredNorm().transpose();
  }

  /// Votes of each row of kernels [rows,S], [rows,classes].
  [[nodiscard]] Eigen::MatrixXi votes(const Matrix& kernels) const {
    const auto classes = static_cast<Eigen::Index>(phases.size());
    Eigen::MatrixXi votes = Eigen::MatrixXi::Zero(kernels.rows(), classes);
    const auto part = [&](Eigen::Index c, Eigen::Index column) -> Vector {
      const Eigen::Index first = firsts[static_cast<std::size_t>(c)];
      const Eigen::Index count = firsts[static_cast<std::size_t>(c) + 1] - first;
      return kernels.middleCols(first, count) * weights[static_cast<std::size_t>(column)].segment(first, count);
    };
    std::size_t pair = 0;
    for (Eigen::Index c = 0; c < classes; ++c) {
      for (Eigen::Index d = c + 1; d < classes; ++d, ++pair) {
        const Vector decisions = part(c, d - 1) + part(d, c);
        for (Eigen::Index n = 0; n < decisions.size(); ++n) ++votes(n, decisions(n) > thresholds[pair] ? c : d);
      }
    }
    return votes;
  }
};

SupportVectors::SupportVectors(const PooledFrames& frames, std::int64_t limit, const StopFlag& stop)
    : machine_(std::make_unique<Machine>()) {
  const std::vector<std::int64_t> chosen = frames_by_label(frames, limit);
  const auto width = static_cast<std::size_t>(frames.width());
  std::vector<double> rows(chosen.size() * width), labels;
  for (std::size_t n = 0; n < chosen.size(); ++n) {
    frames.read(chosen[n], 1, rows.data() + n * width);
    labels.push_back(frames.labels()[static_cast<std::size_t>(chosen[n])]);
  }
  machine_->gamma = gamma_of(rows, frames.width());
  machine_->trained_on = static_cast<std::int64_t>(chosen.size());
  if (labels.front() == labels.back()) {
    machine_->phases = {static_cast<std::int32_t>(labels.front())};
    return;
  }

  SparseRows sparse(rows, frames.width());
  rows = {};
  const svm_problem problem{static_cast<int>(labels.size()), labels.data(), sparse.pointers.data()};
  const svm_parameter parameters = parameters_of(machine_->gamma);
  static std::once_flag silenced;
  std::call_once(silenced, [] { svm_set_print_string_function(look_for_stop); });
  stop_of_this_thread = &stop;
  const std::unique_ptr<svm_model, FreeModel> model(svm_train(&problem, &parameters));
  stop_of_this_thread = nullptr;
  machine_->take(*model, frames.width());
}

SupportVectors::~SupportVectors() = default;
SupportVectors::SupportVectors(SupportVectors&&) noexcept = default;
SupportVectors& SupportVectors::operator=(SupportVectors&&) noexcept = default;

double SupportVectors::gamma() const {
  return machine_->gamma;
}

std::int64_t SupportVectors::trained_on() const {
  return machine_->trained_on;
}

std::vector<std::int32_t> SupportVectors::predict(const PooledFrames& frames, const StopFlag& stop) const {
  const Machine& machine = *machine_;
  if (machine.phases.size() == 1) {
    return std::vector<std::int32_t>(static_cast<std::size_t>(frames.count()), machine.phases.front());
  }
  std::vector<std::int32_t> predicted;
  for_each_block(frames.count(), kRowsAtATime, [&](std::int64_t first, std::int64_t count) {
    if (stop) throw FitStopped();
    const Matrix rows = read_rows(frames, first, count);
    Matrix squares = -2 * (rows * machine.vectors);
    squares.colwise() += rows.rowwise().squaredNorm();
    squares.rowwise() += machine.norms.transpose();
    const Eigen::MatrixXi votes = machine.votes((-machine.gamma * squares.array().max(0)).exp().matrix());
    for (std::int64_t n = 0; n < count; ++n) {
      Eigen::Index best = 0;
      votes.row(n).maxCoeff(&best);  // of equals the first
      predicted.push_back(machine.phases[static_cast<std::size_t>(best)]);
    }
  });
  return predicted;
}

}  // namespace alignment::lrprop
