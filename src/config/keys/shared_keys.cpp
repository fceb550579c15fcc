#include "src/config/keys/shared_keys.hpp"

#include "src/config/keys/key_rows.hpp"

namespace alignment {

std::vector<Key> data_keys() {
  const SectionKeys<&SharedConfig::data> data("data");
  return {
      data.files<&DataConfig::store>(KeyOwner::kProcess, "store", "TSE stores, read as one"),
      data.choice<&DataConfig::cache>(
          KeyOwner::kJob, "cache",
          "where features stay once read: in GPU memory, in the host's, or nowhere; auto: the first where they fit"),
      data.integer<&DataConfig::prefetch>(KeyOwner::kProcess, "prefetch", 1, 1024, "batches read ahead"),
      data.choice<&DataConfig::bad_samples>(
          KeyOwner::kRun, "bad_samples",
          "samples with features that are NaN or infinite: refuse the store, or read it once more to skip them"),
  };
}

std::vector<Key> dist_keys() {
  const SectionKeys<&SharedConfig::dist> dist("dist");
  return {
      dist.choice<&DistConfig::device>(KeyOwner::kJob, "device", "where to compute"),
      dist.choice<&DistConfig::backend>(KeyOwner::kJob, "backend", "how ranks communicate"),
      dist.number_between<&DistConfig::timeout_s>(KeyOwner::kJob, "timeout_s", DistConfig::kLeastTimeout,
                                                  DistConfig::kMostTimeout, "seconds a collective may take"),
      dist.integer<&DistConfig::threads>(KeyOwner::kProcess, "threads", 0, 65536,
                                         "threads a rank computes with; 0: its share of the host's cores"),
  };
}

std::vector<Key> run_keys() {
  const SectionKeys<&SharedConfig::run> run("run");
  return {
      run.text<&RunConfig::dir>(KeyOwner::kProcess, "dir", "FOLDER", "a folder's name, or \"\"", Empty::kAllowed,
                                "folder of the run; empty: runs/<store>-<UTC time>"),
      run.text<&RunConfig::resume>(KeyOwner::kJob, "resume", "none|auto|FILE",
                                   "\"none\", \"auto\" or a checkpoint's file name", Empty::kRefused,
                                   "go on from a checkpoint; auto: from the newest in run.dir, if any"),
      run.integer<&RunConfig::checkpoint_every_steps>(KeyOwner::kJob, "checkpoint_every_steps", 0,
                                                      "steps between checkpoints; 0: at epoch ends only"),
      run.integer<&RunConfig::checkpoint_keep>(KeyOwner::kJob, "checkpoint_keep", 1, "newest checkpoints to keep"),
      run.boolean<&RunConfig::keep_going>(KeyOwner::kJob, "keep_going",
                                          "train on where a checkpoint cannot be written"),
      run.boolean<&RunConfig::tensorboard>(KeyOwner::kJob, "tensorboard",
                                           "also write the metrics for TensorBoard, to run.dir/tensorboard"),
      run.choice<&RunConfig::progress>(
          KeyOwner::kProcess, "progress",
          "auto: a bar on a terminal, else plain lines; off: neither, but training prints a line an epoch"),
  };
}

}  // namespace alignment
