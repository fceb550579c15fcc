#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/config/config.hpp"
#include "src/config/raw_value.hpp"

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

/// One key of the configuration. Command-line options, TOML in both directions, the help page and the messages all come
/// from it.
struct Key {
  KeyOwner owner = KeyOwner::kProcess;
  std::string section, name;
  KeyKind kind = KeyKind::kText;
  std::string help;
  std::string placeholder;  ///< what the help page shows for the value
  std::string expected;     ///< the values allowed, for messages: "a number > 0"
  /// Sets the key in the configuration; returns false, and changes nothing, where the value's type or range does not
  /// fit.
  std::function<bool(Config&, const RawValue&)> assign;
  std::function<RawValue(const Config&)> value;

  [[nodiscard]] std::string full_name() const { return section + '.' + name; }
};

/// Every key, in the order in which they are printed; a section's keys stand together.
[[nodiscard]] const std::vector<Key>& keys();

/// The key of that full name ("train.lr"), or null.
[[nodiscard]] const Key* find_key(std::string_view full_name);

/// Keys given in a file or on the command line, as opposed to left at their defaults.
using GivenKeys = std::set<const Key*>;

/// Sets what train.profile has as its own defaults, except for keys that were given.
void apply_profile(Config& config, const GivenKeys& given);

}  // namespace alignment
