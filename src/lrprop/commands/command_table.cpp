#include "src/config/command_line.hpp"
#include "src/lrprop/commands/commands.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/config/config_keys.hpp"

namespace alignment::lrprop {
namespace {

using Names = std::vector<std::string>;

/// What a model file says itself is among it: given, it has to say the same.
const Names kEmbedding{"data",         "model.fc_width",  "model.hidden", "model.heads",  "model.ff_width",
                       "model.layers", "model.embedding", "model.init",   "train.frames", "eval.frames_per_pass",
                       "dist",         "run.progress"};

Names joined(Names names, const Names& more) {
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

void require_model(const Invocation& asked) {
  if (!asked.config_of<Config>().model.init.empty()) return;
  throw ConfigError("model.init: found no file; expected the model file to " + asked.command +
                    " with; give --model.init MODEL.h5");
}

void require_option(const Invocation& asked, const std::string& name, const std::string& example) {
  if (!asked.option(name).empty()) return;
  throw ConfigError("--" + name + ": found none; expected one; give --" + name + " " + example);
}

void check(const Invocation& asked) {
  const std::string& command = asked.command;
  if (command == "doctor") return;
  if (command == "report") return require_run(asked);
  const auto& config = asked.config_of<Config>();
  check_sizes(config);
  static_cast<void>(fractions_of(config));
  static_cast<void>(ks_of(config));
  const bool stored = (command == "eval" || command == "align") && !asked.option("embeddings").empty();
  if (stored && (!config.model.init.empty() || !config.data.store.empty())) {
    throw ConfigError(
        "--embeddings: found it beside --model.init or --data.store; expected one of the two; leave the "
        "others out to take a store of embeddings as it is");
  }
  if (!stored) require_store(asked, command == "train" ? "train on" : "read");
  if (command == "embed" || ((command == "align" || command == "eval") && !stored)) require_model(asked);
  if (command == "embed") require_out(asked, "EMBEDDINGS.h5");
  if (command == "align") require_option(asked, "query", "ID");
  if (command == "train") require_run_to_resume(asked);
}

}  // namespace

const CommandTable& command_table() {
  static const CommandTable table{
      .keys = key_table(),
      .program = "lrprop_dist",
      .description =
          "Distributed training of LRProp: frame embeddings in which corresponding moments of videos are near.",
      .commands =
          {{"train", "learn an encoder of frames (also what runs without a subcommand)", true},
           {"embed", "the embedding of every frame, as a store, to --out FILE.h5", false, kEmbedding},
           {"eval", "five metrics of model.init, or of --embeddings, beside two baselines", false,
            joined(kEmbedding, {"eval.split", "eval.stride", "eval.dtw_stride", "eval.fractions", "eval.k",
                                "eval.svm_frames", "eval.subsets", "train.seed"})},
           {"align", "one video beside others, by model.init or --embeddings: paths, labels carried over, pictures",
            false, kEmbedding},
           {"report", "one HTML page about the run in run.dir; with data.store also two of its videos aligned", false,
            joined(kEmbedding, {"run.dir", "eval.split"})},
           {"doctor", "check this installation: versions, ranks, collectives, folders", false, {"dist", "run.dir"}}},
      .options =
          {{"json", "FILE", {"eval"}, "also write the numbers there; - is standard output"},
           {"embeddings",
            "STORE",
            {"eval", "align"},
            "take the features of that store as they are, without a model",
            KeyOwner::kProcess},
           {"out",
            "FILE",
            {"embed", "align", "report"},
            "the store, the folder or the page to write; report: else report.html in run.dir"},
           {"query", "ID", {"align"}, "the video that the others are laid beside"},
           {"with", "ID,ID|all", {"align"}, "the others; all: those of its action, which is the default"},
           {"key-frames", "N,N", {"align"}, "frames of the query to find in the others; else where its phase changes"}},
      .configs = named_configs(),
      .examples = {"lrprop_dist train --config utkinect --data.store a.h5 --run.dir runs/a",
                   "mpirun -np 2 lrprop_dist train --data.store a.h5 --train.pairs_per_step 2",
                   "lrprop_dist eval --model.init runs/a/model.h5 --data.store a.h5 --json eval.json",
                   "lrprop_dist embed --model.init runs/a/model.h5 --data.store a.h5 --out embeddings.h5",
                   "lrprop_dist align --model.init runs/a/model.h5 --data.store a.h5 --query s08_e01 --out aligned",
                   "lrprop_dist report --run.dir runs/a --data.store a.h5"},
      .exit_codes = kExitCodesInHelp,
      .memory_advice =
          "use a smaller train.frames, train.pairs_per_rank or eval.frames_per_pass, or fewer ranks on the "
          "host",
      .check = check,
  };
  return table;
}

}  // namespace alignment::lrprop
