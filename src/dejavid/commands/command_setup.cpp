#include "src/dejavid/commands/command_setup.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "dist/launch_environment.hpp"
#include "dist/text.hpp"
#include "io/errors.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/threads.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/files/run_directory.hpp"

namespace alignment::dejavid {

void require_samples(const EvaluationSplit& split, const Config& config) {
  if (split.samples.empty()) {
    throw io::StoreError(fmt::format("{}:split: found no {} samples; expected at least one; choose another eval.split",
                                     config.data.store.front().string(), split.name));
  }
}

std::filesystem::path run_folder(const Config& config, const std::optional<Checkpoint>& checkpoint,
                                 dist::Communicator& communicator) {
  std::string folder;
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!config.run.dir.empty()) {
      folder = config.run.dir.string();
    } else if (checkpoint) {
      folder = run_of(checkpoint->file).string();
    } else {
      const dist::Deadline deadline = writing_run(config.dist.timeout());
      folder = make_default_run_folder(config.data).string();
    }
  });
  return dist::broadcast_text(communicator, folder, dist::Rank{0});
}

std::vector<std::filesystem::path> inputs_of(const Config& config) {
  std::vector<std::filesystem::path> inputs = config.data.store;
  inputs.push_back(config.model.init);
  return inputs;
}

dist::Deadline writing_result(const Config& config) {
  return waiting_for_files("a write of the result", config.dist.timeout());
}

void write_result(const io::ResultFile& result, const std::string& content, const Config& config) {
  if (!result.is_regular()) return result.write(content);
  const dist::Deadline deadline = writing_result(config);
  result.write(content);
}

void describe_work(const Dataset& dataset, const Model& model, const Config& config,
                   const dist::Communicator& communicator, const Device& device) {
  const io::TseStore& store = dataset.store;
  log_info(fmt::format("data: {} train, {} val, {} test samples, {} classes, {} features",
                       store.samples_of(io::Split::kTrain).size(), store.samples_of(io::Split::kValidation).size(),
                       store.samples_of(io::Split::kTest).size(), model.classes, model.feature_dim));
  log_info(fmt::format("model: {} centroid steps, {} parameters; {} epochs of batches of {}", model.steps,
                       2 * model.element_count(), config.train.epochs, config.train.batch_size));
  log_info(device.describe());
  const auto ranks_here = communicator.topology().local_size;
  const int hosts = communicator.size().value > ranks_here ? 2 : 1;  // two at least
  if (const auto slow = dist::slow_keepalive(hosts, config.dist.timeout()); slow && communicator.is_root()) {
    log_warning(*slow);
  }
  const long host_cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (communicator.is_root() && config.dist.threads == 0 && affinity_cores().size() == 1 && ranks_here < host_cores &&
      dist::granted_cores(ranks_here).value_or(2) > 1) {
    log_warning(fmt::format(
        "mpirun bound each of {} ranks to one of this host's {} cores; to use the others: mpirun --bind-to none",
        ranks_here, host_cores));
  }
}

}  // namespace alignment::dejavid
