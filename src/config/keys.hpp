#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/config/raw_value.hpp"
#include "src/config/sections.hpp"

namespace alignment {

enum class KeyKind : std::uint8_t { kBoolean, kInteger, kNumber, kText, kFiles };

/// Whose a setting is, and so who must have the same.
enum class KeyOwner : std::uint8_t {
  kModel,    ///< what the trained numbers mean: comes from the model file, in every command that reads one
  kRun,      ///< what is learned and what the best is chosen on: the same from a run's first step to its last
  kJob,      ///< of one start of the program: the same on all ranks
  kProcess,  ///< a rank's own; where it matters, what it leads to is compared (the content of a store), or rank 0's
             ///< counts
};

/// One key of a configuration. Command-line options, TOML in both directions, the help page and the messages all come
/// from it. Made by SectionKeys (key_rows.hpp).
struct Key {
  KeyOwner owner = KeyOwner::kProcess;
  std::string section, name;
  KeyKind kind = KeyKind::kText;
  std::string help;
  std::string placeholder;  ///< what the help page shows for the value
  std::string expected;     ///< the values allowed, for messages: "a number > 0"
  /// Sets the key in a configuration of the table's system; returns false, and changes nothing, where the value's type
  /// or range does not fit. Throws std::bad_cast where the configuration is another system's.
  std::function<bool(SharedConfig&, const RawValue&)> assign;
  std::function<RawValue(const SharedConfig&)> value;  ///< throws as assign() does

  [[nodiscard]] std::string full_name() const { return section + '.' + name; }
};

/// Keys given in a file or on the command line, as opposed to left at their defaults. They point into their table.
using GivenKeys = std::set<const Key*>;

/// Every key of one system, those of SharedConfig among them. A table and the configurations that it is used with
/// belong to one system. It must outlive the GivenKeys that point into it, and stays where it is.
class KeyTable {
 public:
  /// Sets what a key such as train.profile has as its own defaults, except for keys that were given.
  using Profile = std::function<void(SharedConfig&, const GivenKeys&)>;

  /// The table of a system whose configuration is a `System`. `own`: its keys beside the shared ones; a section's keys
  /// may stand apart, and may lie in a shared section. Throws std::logic_error where two have one name.
  template <typename System>
  static KeyTable of(std::vector<Key> own, Profile profile = {}) {
    return KeyTable(std::move(own), std::move(profile), [] { return std::make_unique<System>(); });
  }
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  /// In the order in which they are printed, a section's together: data, the system's own sections, dist, run.
  [[nodiscard]] const std::vector<Key>& keys() const { return keys_; }
  /// The key of that full name ("run.dir"), or null.
  [[nodiscard]] const Key* find(std::string_view full_name) const;
  /// A configuration of the system, at its defaults.
  [[nodiscard]] std::unique_ptr<SharedConfig> make_config() const { return make_(); }
  /// The value that a key has where nobody gives it.
  [[nodiscard]] RawValue default_of(const Key& key) const { return key.value(*defaults_); }
  /// Sets the defaults of the profile that `config` asks for, where the system has any.
  void apply_profile(SharedConfig& config, const GivenKeys& given) const;

 private:
  using Factory = std::function<std::unique_ptr<SharedConfig>()>;
  KeyTable(std::vector<Key> own, Profile profile, Factory make);

  std::vector<Key> keys_;
  Profile profile_;
  Factory make_;
  std::unique_ptr<const SharedConfig> defaults_;
};

}  // namespace alignment
