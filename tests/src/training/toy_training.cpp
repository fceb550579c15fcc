// A system of its own for the training loop: a linear model on features averaged over time.
//   toy_training STORE RUN_FOLDER [kill|fail STEP]    goes on where RUN_FOLDER has a checkpoint; at STEP rank 0 is
//   killed,
//                                                     or throws
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>

#include "dist/mpi/session.hpp"
#include "io/archive.hpp"
#include "io/errors.hpp"
#include "src/config/toml.hpp"
#include "src/job/agreed.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log_file.hpp"
#include "src/training/files/resume.hpp"
#include "src/training/files/run_files.hpp"
#include "src/training/loop.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment {
namespace {

constexpr io::ArchiveFormat kFormat{"toy-model", 1, "toy model", "a toy's checkpoint"};

struct Fault {
  std::string kind;
  std::int64_t step = -1;
};

class LinearTrainee final : public Trainee {
 public:
  LinearTrainee(dist::Communicator& communicator, Dataset& dataset, Fault fault)
      : communicator_(communicator), dataset_(dataset), fault_(std::move(fault)) {
    weights_.resize(static_cast<std::size_t>(classes() * features()), 0.0F);
  }

  [[nodiscard]] const ScoreNames& score_names() const override { return names_; }
  [[nodiscard]] std::int64_t samples_kept_together() const override { return 1; }
  std::int64_t begin_epoch(EpochStart start) override {
    agreed(communicator_, [&] { dataset_.stream.start(std::move(start.batches)); });
    return 2;
  }
  void compute(const Step& step) override {
    if (step.number == fault_.step && communicator_.is_root()) {
      if (fault_.kind == "kill") raise(SIGKILL);
      throw io::StoreError("toy: found a fault; expected none; do not ask for one");
    }
    const io::SampleBatch& batch = dataset_.next_batch();
    gradient_.assign(weights_.size(), 0.0);
    totals_ = {{0, 0}, -1, false};
    for (std::size_t b = 0; b < batch.samples.size(); ++b) add(batch, b, 1 / static_cast<double>(step.samples));
  }
  void apply(const Step& step) override {
    communicator_.all_reduce(std::span(gradient_), dist::Reduction::kSum);
    for (std::size_t n = 0; n < weights_.size(); ++n) {
      weights_[n] -= static_cast<float>(step.learning_rate * gradient_[n]);
    }
    applied_.push_back(totals_);
  }
  [[nodiscard]] std::vector<StepTotals> collect() override { return std::exchange(applied_, {}); }
  void end_epoch() override {}
  [[nodiscard]] Scores validate() override { return {-std::abs(static_cast<double>(weights_[0]))}; }
  [[nodiscard]] FileContent model(const Course& course) override { return checkpoint(course); }
  [[nodiscard]] FileContent checkpoint(const Course& course) override {
    return [weights = weights_, course](const std::filesystem::path& file) {
      const auto number = [](const char* name, auto value) {
        return io::ArchiveEntry{"", name, io::ArchiveEntry::Attribute(value)};
      };
      const std::vector<io::ArchiveEntry> entries{
          {"", "weights", io::ArchiveEntry::Array{{static_cast<std::int64_t>(weights.size())}, weights}},
          number("format", std::string(kFormat.name)),
          number("version", kFormat.version),
          number("epoch", course.epoch),
          number("step", course.step),
          number("step_in_epoch", course.step_in_epoch),
          number("order_seed", course.order_seed),
          number("epoch_samples", course.epoch_samples),
          number("loss_sum", course.epoch_sums[0]),
          number("right_sum", course.epoch_sums[1]),
          number("best_epoch", course.best.epoch),
          number("best", course.best.validation[0])};
      io::write_archive(file, entries);
    };
  }
  [[nodiscard]] Course load(const std::filesystem::path& file) {
    Course course;
    io::read_archive(file, kFormat, [&](const io::ArchiveContent& content) {
      weights_ = content.array("", "weights", 1, "one dimension").values;
      course.epoch = *content.integer("", "epoch");
      course.step = *content.integer("", "step");
      course.step_in_epoch = *content.integer("", "step_in_epoch");
      course.order_seed = *content.unsigned_integer("", "order_seed");
      course.epoch_samples = *content.integer("", "epoch_samples");
      course.epoch_sums = {*content.real("", "loss_sum"), *content.real("", "right_sum")};
      course.last = course.best = EpochScores::none(names_);
      course.best.epoch = *content.integer("", "best_epoch");
      course.best.validation = {*content.real("", "best")};
    });
    return course;
  }

 private:
  [[nodiscard]] std::int64_t classes() const { return dataset_.store.class_count(); }
  [[nodiscard]] std::int64_t features() const { return dataset_.store.feature_dim(); }

  /// Softmax cross-entropy of sample `b` and its gradient, times `scale`.
  void add(const io::SampleBatch& batch, std::size_t b, double scale) {
    std::vector<double> mean(static_cast<std::size_t>(features()), 0.0), logits;
    const auto length = static_cast<std::size_t>(batch.length(b));
    for (std::size_t n = 0; n < length * mean.size(); ++n) {
      mean[n % mean.size()] += static_cast<double>(batch.features[b][n]) / static_cast<double>(length);
    }
    for (auto row = weights_.begin(); row != weights_.end(); row += features()) {
      logits.push_back(std::inner_product(mean.begin(), mean.end(), row, 0.0));
    }
    const auto label = static_cast<std::size_t>(batch.labels[b]);
    double sum = 0;
    for (const double logit : logits) sum += std::exp(logit);
    totals_.sums[0] += std::log(sum) - logits[label];
    totals_.sums[1] += std::max_element(logits.begin(), logits.end()) - logits.begin() == batch.labels[b] ? 1 : 0;
    for (std::size_t c = 0; c < logits.size(); ++c) {
      const double slope = (std::exp(logits[c]) / sum - (c == label ? 1 : 0)) * scale;
      for (std::size_t f = 0; f < mean.size(); ++f) gradient_[c * mean.size() + f] += slope * mean[f];
    }
  }

  dist::Communicator& communicator_;
  Dataset& dataset_;
  Fault fault_;
  ScoreNames names_{{{"loss", "loss"}, {"right", "right"}}, {{"small", "small"}}, "small", "val"};
  std::vector<float> weights_;  ///< [C,F]
  std::vector<double> gradient_;
  StepTotals totals_;
  std::vector<StepTotals> applied_;
};

int train(dist::Communicator& communicator, const std::vector<std::string>& arguments) {
  SharedConfig config;
  config.data.store = {arguments.at(0)};
  config.run.dir = arguments.at(1);
  config.run.resume = "auto";
  config.run.checkpoint_every_steps = 3;
  config.run.progress = ProgressChoice::kPlain;
  const Fault fault = arguments.size() > 2 ? Fault{arguments.at(2), std::stoll(arguments.at(3))} : Fault{};

  Dataset dataset = Dataset::open(config, communicator);
  LinearTrainee trainee(communicator, dataset, fault);
  std::optional<Resumed> resumed;
  agreed(communicator, [&] {
    const auto read = [&](const std::filesystem::path& file) {
      resumed = Resumed{trainee.load(file), time_spent(run_of(file))};
      return true;
    };
    static_cast<void>(find_checkpoint(config.run, read, [](const std::string& line) { log_warning(line); }));
  });
  RunDirectory run;
  agreed(communicator, [&] {
    if (communicator.is_root()) {
      run = RunDirectory::reopen(config.run.dir, to_toml(KeyTable::of<SharedConfig>({}), config), config.dist.timeout(),
                                 resumed ? resumed->course.step : 0);
    }
  });
  LoopSettings settings;
  settings.batch_size = 8;
  settings.learning_rate = [](std::int64_t epoch, std::int64_t epochs) {
    return cosine_learning_rate(0.5, epoch, epochs);
  };
  settings.seed = 3;
  settings.run = config.run;
  const SampleCurriculum curriculum(dataset.store, /*shuffle=*/true);
  PhaseClock phases;
  RunFiles files(config.run, run, config.dist.timeout());
  TrainingLoop loop(settings, communicator, dataset.store, curriculum, trainee, files, phases, resumed);
  const int code = loop.run_to(4) ? 0 : 75;
  run.write(communicator, [&] { run.write_summary(loop.summary(code == 0 ? "done" : "stopped", code)); });
  return code;
}

}  // namespace
}  // namespace alignment

int main(int argument_count, char** arguments) {
  using namespace alignment;  // NOLINT(google-build-using-namespace)
  install_stop_signals();
  constexpr std::chrono::seconds kTimeout{60};
  dist::MpiSession session(argument_count, arguments, kTimeout);
  const std::unique_ptr<dist::Communicator> communicator = dist::make_mpi_communicator(kTimeout);
  start_log(communicator->topology());
  try {
    return train(*communicator, {arguments + 1, arguments + argument_count});
  } catch (const dist::AgreedFailure& failure) {
    if (communicator->is_root()) std::fprintf(stderr, "error: %s\n", failure.what());
    return failure.code;
  }
}
