#include "src/dejavid/commands/command_table.hpp"

#include "src/config/command_line.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "src/job/exit_code.hpp"

namespace alignment::dejavid {
namespace {

using Names = std::vector<std::string>;

const Names kReadingStores{"data.store", "data.cache", "data.prefetch", "data.bad_samples", "dist", "run.progress"};
/// What a model file says itself; given, it has to say the same.
const Names kOfModels{"data.slope", "model.steps", "model.diagonal", "train.logit_norm", "train.logit_scale"};
const Names kOfEvaluation{"model.init", "train.batch_size", "train.profile", "eval.split"};

Names joined(Names names, const Names& others, const Names& more) {
  names.insert(names.end(), others.begin(), others.end());
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

void require_model(const Invocation& asked) {
  if (!asked.config_of<Config>().model.init.empty()) return;
  throw ConfigError("model.init: found no file; expected the model file to " + asked.command +
                    "; give --model.init MODEL.h5");
}

void require_sample(const Invocation& asked) {
  if (asked.option("sample").empty())
    throw ConfigError("--sample: found none; expected the id of the sample to align; give --sample ID");
  if (asked.option("out") == "-")
    throw ConfigError("--out: found -, standard output; expected a folder for three files; give --out FOLDER");
}

void check(const Invocation& asked) {
  const std::string& command = asked.command;
  if (command == "doctor") return;
  if (command == "report") return require_run(asked);
  require_store(asked, command == "train" ? "train on" : "read");
  if (command == "eval" || command == "predict" || command == "align") require_model(asked);
  if (command == "align") require_sample(asked);
  if (command == "predict") require_out(asked, "FILE.csv");
  if (command == "centroids") require_out(asked, "MODEL.h5");
  if (command == "train") require_run_to_resume(asked);
}

}  // namespace

const CommandTable& command_table() {
  static const CommandTable table{
      .keys = key_table(),
      .program = "dejavid_dist",
      .description =
          "Distributed training of DejaVid: temporal alignment of videos with learned centroids and weights.",
      .commands =
          {{"train", "learn centroids and weights (also what runs without a subcommand)", true},
           {"centroids", "only the centroids before training, to --out MODEL.h5", false,
            joined(kReadingStores, kOfModels,
                   {"data.holdout", "model.weight_init", "centroids", "train.seed", "train.profile"})},
           {"eval", "loss and accuracies of model.init on a split of data.store", false,
            joined(kReadingStores, kOfModels, kOfEvaluation)},
           {"neighbours",
            "accuracy of the nearest training sample under DTW, to compare a model with",
            false,
            {"data.store", "data.bad_samples", "data.holdout", "train.seed", "eval.split", "dist", "run.progress"}},
           {"predict", "one line per sample, to --out FILE.csv", false,
            joined(kReadingStores, kOfModels, kOfEvaluation)},
           {"align", "how one sample is aligned with its classes: path, costs and a picture, to a folder", false,
            joined(kReadingStores, kOfModels, {"model.init", "train.profile"})},
           {"report", "one HTML page about the run in run.dir; with data.store also what its model does there", false,
            joined(joined(kReadingStores, kOfModels, kOfEvaluation), {"run.dir"}, {})},
           {"doctor", "check this installation: versions, ranks, collectives, folders", false, {"dist", "run.dir"}}},
      .options = {{"json", "FILE", {"eval", "neighbours"}, "also write the numbers there; - is standard output"},
                  {"out",
                   "FILE",
                   {"predict", "centroids", "align", "report"},
                   "the file to write, - for standard output; align: the folder, else align-ID; report: else "
                   "report.html in run.dir"},
                  {"sample", "ID", {"align"}, "the sample of data.store to align"},
                  {"against",
                   "CLASS",
                   {"align"},
                   "the class to compare the predicted one with, nearest for the nearest other; else the sample's own "
                   "where that is another"},
                  {"feature-names", "FILE", {"report"}, "what features are called there, a name a line"}},
      .configs = named_configs(),
      .examples = {"dejavid_dist train --config hmdb51 --data.store hmdb51.h5 --run.dir runs/hmdb51",
                   "mpirun -np 4 dejavid_dist train --config series --data.store a.h5 b.h5 --train.lr 0.01",
                   "dejavid_dist centroids --data.store a.h5 --out centroids.h5",
                   "dejavid_dist eval --model.init runs/a/best.h5 --data.store a.h5 --json eval.json",
                   "dejavid_dist neighbours --data.store a.h5 --eval.split test",
                   "dejavid_dist predict --model.init runs/a/best.h5 --data.store a.h5 --out predictions.csv",
                   "dejavid_dist align --model.init runs/a/best.h5 --data.store a.h5 --sample clip_7 --out clip_7",
                   "dejavid_dist report --run.dir runs/a --data.store a.h5", "mpirun -np 4 dejavid_dist doctor"},
      .exit_codes = kExitCodesInHelp,
      .memory_advice =
          "use a smaller train.batch_size, model.steps or centroids.samples_per_class, data.cache = \"none\", or fewer "
          "ranks on the host",
      .check = check,
  };
  return table;
}

}  // namespace alignment::dejavid
