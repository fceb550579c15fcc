#include "src/config/keys/suggestion.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace alignment {
namespace {

/// Optimal string alignment distance.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before_last(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
  for (std::size_t column = 0; column <= right.size(); ++column) row[column] = column;
  for (std::size_t line = 1; line <= left.size(); ++line) {
    before_last.swap(last);
    last.swap(row);
    row[0] = line;
    for (std::size_t column = 1; column <= right.size(); ++column) {
      const std::size_t change = left[line - 1] == right[column - 1] ? 0 : 1;
      row[column] = std::min({last[column] + 1, row[column - 1] + 1, last[column - 1] + change});
      if (line > 1 && column > 1 && left[line - 1] == right[column - 2] && left[line - 2] == right[column - 1]) {
        row[column] = std::min(row[column], before_last[column - 2] + 1);
      }
    }
  }
  return row[right.size()];
}

/// "train.lr" -> "lr".
std::string_view after_last_dot(std::string_view word) {
  return word.substr(word.rfind('.') + 1);
}

/// "Batch-Size" -> "batch_size".
std::string plain(std::string_view word) {
  std::string made(word);
  for (char& letter : made) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    if (letter == '-') letter = '_';
  }
  return made;
}

/// "batch_size" -> batch, size.
std::set<std::string> parts_of(const std::string& name) {
  std::set<std::string> parts;
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('_', begin), name.size());
    if (end > begin) parts.insert(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// What others call a thing, and what it may be called here.
struct Alias {
  std::vector<std::string_view> theirs, ours;
};

const std::vector<Alias>& aliases() {
  static const std::vector<Alias> all{
      {{"learning_rate", "learn_rate", "rate"}, {"lr"}},
      {{"batch", "batch_size", "batchsize", "bs"}, {"batch_size", "batch", "pairs_per_step"}},
      {{"epoch", "num_epochs", "n_epochs", "max_epochs", "passes"}, {"epochs"}},
      {{"random_seed", "random_state", "manual_seed", "rng"}, {"seed"}},
      {{"workers", "num_workers", "n_workers", "jobs", "n_jobs", "cores", "cpus", "num_threads"},
       {"threads", "workers"}},
      {{"gpu", "gpus", "cuda", "num_gpus", "accelerator"}, {"device"}},
      {{"wd", "decay", "l2"}, {"weight_decay"}},
      {{"data", "dataset", "input", "file", "files"}, {"store"}},
      {{"model", "checkpoint", "ckpt", "weights", "pretrained"}, {"init"}},
      {{"output", "out_dir", "output_dir", "outdir", "logdir", "log_dir", "save_dir", "folder"}, {"out", "dir"}},
      {{"verbose", "quiet"}, {"progress"}},
      {{"evaluate", "evaluation", "validate", "test"}, {"eval"}},
      {{"fit"}, {"train"}},
      {{"infer", "inference", "classify"}, {"predict"}},
      {{"encode", "transform", "features"}, {"embed"}}};
  return all;
}

/// The first candidate that has what others call `name`; null where that is no alias, or `name` is a candidate's.
const std::string* by_alias(const std::string& name, const std::vector<std::string>& candidates) {
  const auto called = [&](std::string_view wanted) {
    const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const std::string& candidate) {
      return plain(after_last_dot(candidate)) == wanted;
    });
    return found == candidates.end() ? nullptr : &*found;
  };
  if (called(name) != nullptr) return nullptr;
  for (const Alias& alias : aliases()) {
    if (std::find(alias.theirs.begin(), alias.theirs.end(), name) == alias.theirs.end()) continue;
    for (const std::string_view ours : alias.ours) {
      if (const std::string* candidate = called(ours)) return candidate;
    }
  }
  return nullptr;
}

/// How far the names are from each other, both without their sections. A name of which the other has every part and
/// some more ("lr_ratio" of "centroid_lr_ratio") is as near as one edit a part.
std::size_t name_distance(const std::string& name, const std::string& other) {
  const std::set<std::string> parts = parts_of(name), others = parts_of(other);
  const std::size_t edits = edit_distance(name, other);
  if (parts.empty() || !std::includes(others.begin(), others.end(), parts.begin(), parts.end())) return edits;
  return std::min(edits, others.size() - parts.size());
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string asked = plain(word), name(after_last_dot(asked));
  if (const std::string* const known = by_alias(name, candidates)) return *known;
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  for (const std::string& candidate : candidates) {
    const std::string other = plain(candidate);
    // The right name in the wrong section costs one edit, so that `model.lr` leads to train.lr.
    const std::size_t distance =
        std::min(edit_distance(asked, other), name_distance(name, std::string(after_last_dot(other))) + 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::vector<std::string> nearest_ids(std::string_view id, const std::vector<std::string>& candidates,
                                     std::size_t count) {
  constexpr std::size_t kCompared = 64;                   // the distance takes the product of the lengths
  std::vector<std::pair<std::size_t, std::size_t>> near;  // how far, which
  for (std::size_t n = 0; n < candidates.size(); ++n) {
    const std::string_view candidate = candidates[n];
    near.emplace_back(edit_distance(id.substr(0, kCompared), candidate.substr(0, kCompared)), n);
  }
  count = std::min(count, near.size());
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(count), near.end());
  std::vector<std::string> nearest;
  for (std::size_t n = 0; n < count; ++n) nearest.push_back(candidates[near[n].second]);
  return nearest;
}

}  // namespace alignment
