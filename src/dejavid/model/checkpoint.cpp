#include "src/dejavid/model/checkpoint.hpp"

#include <fmt/format.h>

#include "io/errors.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/files/run_frame.hpp"

namespace alignment::dejavid {
std::optional<Checkpoint> find_checkpoint(const Config& config, const std::function<void(const std::string&)>& warn) {
  return alignment::find_checkpoint<ModelContent>(config.run, read_model, warn);
}

void check_checkpoint(const Checkpoint& checkpoint, Config& config, const GivenKeys& given, const io::TseStore& store) {
  const Config before = config_of(checkpoint.content, checkpoint.file);
  require_same_run(checkpoint.file, checkpoint.content.training->store_identity, store, key_table(), before, config,
                   given);
  if (!config.model.init.empty() && config.model.init != before.model.init) {
    log_warning(fmt::format("model.init = \"{}\" is not read: the run goes on from its checkpoint",
                            config.model.init.string()));
  }
  config.model.init = before.model.init;  // what the run began with
}

BestModel best_of(const Checkpoint& checkpoint) {
  const std::int64_t best_epoch = checkpoint.content.training->best_epoch;
  return {best_epoch, checkpoint.content.training->epoch, [best_epoch](const auto& from, const auto& to) {
            const ModelContent content = read_model(from);
            if (!to.empty() && content.epoch == best_epoch) write_model(to, content);
            return content.epoch;
          }};
}

void require_same_checkpoint(const std::optional<Checkpoint>& checkpoint, const Config& config,
                             dist::Communicator& communicator) {
  require_same_checkpoint(checkpoint ? std::optional(checkpoint->file) : std::nullopt,
                          checkpoint ? digest_of(checkpoint->content) : 0, config.run, communicator);
}

}  // namespace alignment::dejavid
