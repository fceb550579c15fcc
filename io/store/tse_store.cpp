#include "io/store/tse_store.hpp"
#include "io/store/encoder_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "io/bytes/digest.hpp"
#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/store/splits.hpp"
#include "io/store/store_part.hpp"

namespace alignment::io {

struct TseStore::State {
  std::vector<std::unique_ptr<StorePart>> parts;
  std::vector<std::int64_t> first;  ///< [parts+1] number of each part's first sample
  std::mutex reading;
  std::vector<bool> left_out;              ///< [samples]; empty where none is
  std::unordered_set<std::int64_t> moved;  ///< samples that have become of the val split
  std::vector<std::string> class_names;
  std::vector<std::vector<std::int32_t>> labels;        ///< of each part: what its classes are in class_names
  std::vector<std::vector<std::int32_t>> logit_labels;  ///< of each part: as labels, or empty where it holds no logits
  std::optional<std::uint64_t> phase_identity, time_identity;  ///< once known

  struct Place {
    StorePart* part;
    std::size_t number;   ///< of the part
    std::int64_t sample;  ///< within that part
    [[nodiscard]] std::size_t at() const { return static_cast<std::size_t>(sample); }
  };

  Place place(std::int64_t sample) {
    if (sample < 0 || sample >= first.back()) {
      throw std::out_of_range(fmt::format("sample {} of a store of {}", sample, first.back()));
    }
    const auto after = std::upper_bound(first.begin(), first.end(), sample);
    const auto part = static_cast<std::size_t>(after - first.begin() - 1);
    return {parts[part].get(), part, sample - first[part]};
  }

  void match_classes() {
    std::unordered_map<std::string_view, std::int32_t> known;
    for (const std::string& name : class_names) known.try_emplace(name, static_cast<std::int32_t>(known.size()));
    labels.clear();
    logit_labels.clear();
    for (const auto& part : parts) {
      auto& of_part = labels.emplace_back();
      for (const std::string& name : part->index().class_names) {
        const auto found = known.find(name);
        of_part.push_back(found == known.end() ? kNoLabel : found->second);
      }
      logit_labels.push_back(part->index().logits > 0 ? of_part : std::vector<std::int32_t>());
    }
  }
};

namespace {

[[noreturn]] void refuse(const StorePart& first, const StorePart& other, std::string_view where,
                         const std::string& found, const std::string& expected) {
  throw StoreError(fmt::format("{}:{}: found {}; expected {} as in {}; name only stores that belong together",
                               other.name(), where, found, expected, first.name()));
}

/// Of two parts with frame labels: numbers without names may mean other phases than numbers with names.
void require_same_phases(const StorePart& first, const StorePart& other) {
  const auto &a = first.index().phase_names, &b = other.index().phase_names;
  if (a == b) return;
  const auto said = [](const std::vector<std::string>& names) {
    return names.empty() ? "none" : fmt::format("\"{}\"", printable(fmt::format("{}", fmt::join(names, ","))));
  };
  refuse(first, other, "phase_names", said(b), said(a));
}

void require_agreement(const StorePart& first, const StorePart& other, ClassMatching matching) {
  const auto &a = first.index(), &b = other.index();
  if (a.feature_dim != b.feature_dim) {
    refuse(first, other, "attribute feature_dim", std::to_string(b.feature_dim), std::to_string(a.feature_dim));
  }
  if (matching == ClassMatching::kUnion) return;
  if (a.class_names.size() != b.class_names.size()) {
    refuse(first, other, "attribute num_classes", std::to_string(b.class_names.size()),
           std::to_string(a.class_names.size()));
  }
  const std::unordered_set<std::string_view> expected(a.class_names.begin(), a.class_names.end());
  for (std::size_t c = 0; c < a.class_names.size(); ++c) {
    if (!expected.contains(b.class_names[c])) {
      refuse(first, other, "class_names", fmt::format("class {} \"{}\"", c, printable(b.class_names[c])),
             fmt::format("\"{}\"", printable(a.class_names[c])));
    }
  }
}

void require_unique_ids(const std::vector<std::unique_ptr<StorePart>>& parts) {
  struct Seen {
    const StorePart* part;
    std::size_t sample;
    [[nodiscard]] Split split() const { return part->index().splits[sample]; }
  };
  std::unordered_map<std::string_view, Seen> seen;
  for (const auto& part : parts) {
    const auto& index = part->index();
    FirstFew samples, repeated;
    std::string first;
    for (std::size_t n = 0; n < index.ids.size(); ++n) {
      const auto [earlier, added] = seen.try_emplace(index.ids[n], Seen{part.get(), n});
      if (added) continue;
      if (samples.count() == 0) {
        first = fmt::format("of {}, before it of {} as sample {} of {}", name_of(index.splits[n]),
                            name_of(earlier->second.split()), earlier->second.sample, earlier->second.part->name());
      }
      samples.add(n);
      repeated.add(fmt::format("\"{}\"", printable(index.ids[n])));
    }
    if (samples.count() == 0) continue;
    throw StoreError(
        fmt::format("{}:ids:{} {}: found {} again ({}{}); expected every id once; leave one out, or make a store again "
                    "with other ids "
                    "(dejavid_convert ts: --id-prefix)",
                    part->name(), samples.count() == 1 ? "sample" : "samples", samples.text(), repeated.text(),
                    samples.count() == 1 ? "" : "the first is ", first));
  }
}

/// Of a sample among stores of which some have phases.
std::vector<std::int32_t> phases_of(StorePart& part, std::int64_t sample) {
  if (part.has_frame_labels()) return part.read_frame_labels(sample);
  return std::vector(static_cast<std::size_t>(part.length(sample)), kNoPhase);
}

/// Of what `read` gives for every sample where there is any, and of names.
template <typename Read>
std::uint64_t digest_of_steps(bool any, const std::vector<std::string>& names,
                              const std::vector<std::unique_ptr<StorePart>>& parts, const Read& read) {
  Digest digest;
  digest.add(static_cast<std::uint8_t>(any ? 1 : 0));
  for (const std::string& name : names) digest.add(name);
  for (const auto& part : parts) {
    for (std::int64_t sample = 0; any && sample < part->index().sample_count(); ++sample)
      digest.add(read(*part, sample));
  }
  return digest.value();
}

}  // namespace

TseStore::TseStore(std::vector<std::unique_ptr<StorePart>> parts, ClassMatching matching)
    : state_(std::make_unique<State>()) {
  if (parts.empty()) throw StoreError("data.store: found no file; expected at least one TSE store; name it");
  state_->parts = std::move(parts);
  std::unordered_set<std::string> known;
  state_->first.push_back(0);
  const StorePart* with_phases = nullptr;
  for (const auto& part : state_->parts) {
    require_agreement(*state_->parts.front(), *part, matching);
    if (part->has_frame_labels()) {
      if (with_phases == nullptr) with_phases = part.get();
      require_same_phases(*with_phases, *part);
    }
    for (const std::string& name : part->index().class_names) {
      if (known.insert(name).second) state_->class_names.push_back(name);
    }
    state_->first.push_back(state_->first.back() + part->index().sample_count());
  }
  require_unique_ids(state_->parts);
  state_->match_classes();
}

TseStore::~TseStore() = default;
TseStore::TseStore(TseStore&&) noexcept = default;
TseStore& TseStore::operator=(TseStore&&) noexcept = default;

std::int64_t TseStore::sample_count() const {
  return state_->first.back();
}
std::int64_t TseStore::feature_dim() const {
  return state_->parts.front()->index().feature_dim;
}
std::int32_t TseStore::class_count() const {
  return static_cast<std::int32_t>(class_names().size());
}
const std::vector<std::string>& TseStore::class_names() const {
  return state_->class_names;
}

std::string TseStore::describe_files() const {
  const std::size_t others = state_->parts.size() - 1;
  const std::string first = state_->parts.front()->name();
  return others == 0 ? first : fmt::format("{} and {} other{}", first, others, others == 1 ? "" : "s");
}

std::vector<std::string> TseStore::encoders() const {
  std::vector<std::string> distinct;
  for (const auto& part : state_->parts) {
    for (const std::string& one : encoders_of(part->index().encoder)) {
      if (std::find(distinct.begin(), distinct.end(), one) == distinct.end()) distinct.push_back(one);
    }
  }
  return distinct;
}

std::int64_t TseStore::length(std::int64_t sample) const {
  const auto place = state_->place(sample);
  return place.part->length(place.sample);
}

std::int32_t TseStore::label(std::int64_t sample) const {
  const auto place = state_->place(sample);
  const std::int32_t label = place.part->index().labels[place.at()];
  return label == kNoLabel ? kNoLabel : state_->labels[place.number][static_cast<std::size_t>(label)];
}

const std::string& TseStore::class_name(std::int64_t sample) const {
  static const std::string none;
  const auto place = state_->place(sample);
  const std::int32_t label = place.part->index().labels[place.at()];
  return label == kNoLabel ? none : place.part->index().class_names[static_cast<std::size_t>(label)];
}

const std::vector<std::int32_t>& TseStore::logit_labels(std::int64_t sample) const {
  return state_->logit_labels[state_->place(sample).number];
}

std::int64_t TseStore::logit_sets(std::int64_t sample) const {
  const StoreIndex& index = state_->place(sample).part->index();
  return index.logits == 0 ? 0 : index.logits / static_cast<std::int64_t>(index.class_names.size());
}

void TseStore::adopt_classes(const std::vector<std::string>& names) {
  state_->class_names = names;
  state_->match_classes();
}

Split TseStore::split(std::int64_t sample) const {
  if (state_->moved.contains(sample)) return Split::kValidation;
  const auto place = state_->place(sample);
  return place.part->index().splits[place.at()];
}

const std::string& TseStore::id(std::int64_t sample) const {
  const auto place = state_->place(sample);
  return place.part->index().ids[place.at()];
}

std::vector<std::int64_t> TseStore::samples_of(Split split) const {
  std::vector<std::int64_t> samples;
  for (std::size_t f = 0; f < state_->parts.size(); ++f) {
    const auto& splits = state_->parts[f]->index().splits;
    for (std::size_t n = 0; n < splits.size(); ++n) {
      const std::int64_t sample = state_->first[f] + static_cast<std::int64_t>(n);
      const bool left_out = !state_->left_out.empty() && state_->left_out[static_cast<std::size_t>(sample)];
      const Split now = state_->moved.contains(sample) ? Split::kValidation : splits[n];
      if (now == split && !left_out) samples.push_back(sample);
    }
  }
  return samples;
}

void TseStore::leave_out(const std::vector<std::int64_t>& samples) {
  state_->left_out.resize(static_cast<std::size_t>(sample_count()), false);
  for (const auto sample : samples) state_->left_out.at(static_cast<std::size_t>(sample)) = true;
}

void TseStore::move_to_validation(const std::vector<std::int64_t>& samples) {
  state_->moved.insert(samples.begin(), samples.end());
}

bool TseStore::has_moved_samples() const {
  return !state_->moved.empty();
}

void TseStore::limit_features(float largest) {
  for (const auto& part : state_->parts) part->limit_features(largest);
}

void TseStore::require_unchanged() const {
  for (const auto& part : state_->parts) part->require_unchanged();
}

std::string TseStore::describe(std::int64_t sample) const {
  const auto place = state_->place(sample);
  return place.part->describe(place.sample);
}

std::vector<std::string> TseStore::files_without_digests() const {
  std::vector<std::string> files;
  for (const auto& part : state_->parts) {
    if (part->index().digests.empty()) files.push_back(part->name());
  }
  return files;
}

std::uint64_t TseStore::identity() const {
  Digest digest;
  digest.add(feature_dim());
  const auto& names = state_->parts.front()->index().class_names;
  for (const auto& name : names) digest.add(name);
  for (const auto& part : state_->parts) {
    const auto& index = part->index();
    if (index.class_names != names) {
      for (const auto& name : index.class_names) digest.add(name);
    }
    digest.add(static_cast<std::uint8_t>(part->has_half_precision() ? 1 : 0));
    digest.add(index.offsets);
    digest.add(index.labels);
    digest.add(index.splits);
    for (const auto& id : index.ids) digest.add(id);
    digest.add(index.digests);
  }
  return digest.value();
}

std::uint64_t TseStore::phase_identity() const {
  const std::lock_guard lock(state_->reading);
  if (!state_->phase_identity) {
    state_->phase_identity = digest_of_steps(has_frame_labels(), phase_names(), state_->parts, phases_of);
  }
  return *state_->phase_identity;
}

std::uint64_t TseStore::time_identity() const {
  const std::lock_guard lock(state_->reading);
  if (!state_->time_identity) {
    state_->time_identity =
        digest_of_steps(has_timestamps(), {}, state_->parts,
                        [](StorePart& part, std::int64_t sample) { return part.read_timestamps(sample); });
  }
  return *state_->time_identity;
}

void TseStore::require_training_samples() const {
  const auto& names = class_names();
  const auto file = state_->parts.front()->name();
  if (names.size() < 2) {
    throw StoreError(fmt::format(
        "{}:class_names: found {} class; expected at least two; train on a store with classes to tell apart", file,
        names.size()));
  }
  std::vector<bool> trained(names.size(), false);
  FirstFew unlabelled;
  for (const auto sample : samples_of(Split::kTrain)) {
    if (label(sample) == kNoLabel)
      unlabelled.add(printable(id(sample)));
    else
      trained[static_cast<std::size_t>(label(sample))] = true;
  }
  if (unlabelled.count() > 0) {
    throw StoreError(fmt::format(
        "{}:labels: found {} samples of the train split without a label ({}); expected one each; label them, or give "
        "them another split",
        file, unlabelled.count(), unlabelled.text()));
  }
  FirstFew missing;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (!trained[c]) missing.add(printable(names[c]));
  }
  if (missing.count() == 0) return;
  throw StoreError(
      fmt::format("{}:labels: found {} of {} classes without a training sample ({}); expected at least one each of the "
                  "train split; add "
                  "samples or leave the classes out",
                  file, missing.count(), names.size(), missing.text()));
}

void TseStore::read_sample(std::int64_t sample, float* destination) {
  const auto place = state_->place(sample);
  const std::lock_guard lock(state_->reading);
  place.part->read_sample(place.sample, destination);
}

void TseStore::read_halves(std::int64_t sample, std::uint16_t* destination) {
  const auto place = state_->place(sample);
  const std::lock_guard lock(state_->reading);
  place.part->read_halves(place.sample, destination);
}

std::optional<NotFinite> TseStore::find_not_finite(std::int64_t sample) {
  const auto place = state_->place(sample);
  const std::lock_guard lock(state_->reading);
  return place.part->find_not_finite(place.sample);
}

bool TseStore::has_frame_labels() const {
  return std::any_of(state_->parts.begin(), state_->parts.end(),
                     [](const auto& part) { return part->has_frame_labels(); });
}

bool TseStore::has_half_precision() const {
  return std::all_of(state_->parts.begin(), state_->parts.end(),
                     [](const auto& part) { return part->has_half_precision(); });
}

bool TseStore::has_timestamps() const {
  return std::all_of(state_->parts.begin(), state_->parts.end(),
                     [](const auto& part) { return part->has_timestamps(); });
}

std::vector<std::int32_t> TseStore::read_frame_labels(std::int64_t sample) {
  const auto place = state_->place(sample);
  const std::lock_guard lock(state_->reading);
  return has_frame_labels() ? phases_of(*place.part, place.sample) : place.part->read_frame_labels(place.sample);
}

const std::vector<std::string>& TseStore::phase_names() const {
  const bool labelled = has_frame_labels();  // names without labels say nothing of another file's labels
  const auto named = std::find_if(state_->parts.begin(), state_->parts.end(), [labelled](const auto& part) {
    return labelled ? part->has_frame_labels() : !part->index().phase_names.empty();
  });
  return (named == state_->parts.end() ? state_->parts.front() : *named)->index().phase_names;
}

std::vector<double> TseStore::read_timestamps(std::int64_t sample) {
  const auto place = state_->place(sample);
  const std::lock_guard lock(state_->reading);
  return place.part->read_timestamps(place.sample);
}

}  // namespace alignment::io
