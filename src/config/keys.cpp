#include "src/config/keys.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>
#include <utility>

#include "src/config/shared_keys.hpp"

namespace alignment {
namespace {

/// Sections in the order of their first keys, each whole.
std::vector<Key> in_sections(std::vector<Key> keys) {
  std::vector<Key> ordered;
  ordered.reserve(keys.size());
  while (!keys.empty()) {
    const std::string section = keys.front().section;
    const auto rest =
        std::stable_partition(keys.begin(), keys.end(), [&](const Key& key) { return key.section == section; });
    std::move(keys.begin(), rest, std::back_inserter(ordered));
    keys.erase(keys.begin(), rest);
  }
  return ordered;
}

void append(std::vector<Key>& keys, std::vector<Key> more) {
  std::move(more.begin(), more.end(), std::back_inserter(keys));
}

/// A system's own keys come after the shared ones of their section.
std::vector<Key> all_keys(std::vector<Key> own) {
  const auto comes_last = std::stable_partition(
      own.begin(), own.end(), [](const Key& key) { return key.section != "dist" && key.section != "run"; });
  std::vector<Key> keys = data_keys();
  append(keys, {own.begin(), comes_last});
  append(keys, dist_keys());
  append(keys, run_keys());
  append(keys, {comes_last, own.end()});
  return in_sections(std::move(keys));
}

}  // namespace

KeyTable::KeyTable(std::vector<Key> own, Profile profile, Factory make)
    : keys_(all_keys(std::move(own))), profile_(std::move(profile)), make_(std::move(make)), defaults_(make_()) {
  std::set<std::string> names;
  for (const Key& key : keys_) {
    if (!names.insert(key.full_name()).second) throw std::logic_error("two keys called " + key.full_name());
  }
}

const Key* KeyTable::find(std::string_view full_name) const {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) { return key.full_name() == full_name; });
  return found == keys_.end() ? nullptr : &*found;
}

void KeyTable::apply_profile(SharedConfig& config, const GivenKeys& given) const {
  if (profile_) profile_(config, given);
}

}  // namespace alignment
