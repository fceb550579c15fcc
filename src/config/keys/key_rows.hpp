#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/config/choices.hpp"
#include "src/config/keys/keys.hpp"

/// How the rows of a key table are made.
namespace alignment {

enum class Sign : std::uint8_t { kPositive, kNotNegative };
enum class Empty : std::uint8_t { kAllowed, kRefused };

/// The finite numbers that a row takes.
struct NumberRange {
  double minimum = 0;
  bool with_minimum = true;  ///< whether `minimum` is one of them
  double maximum = std::numeric_limits<double>::max();
};

/// The parts of a row that do not depend on the member: for SectionKeys.
namespace rows {

/// A row without assign() and value().
[[nodiscard]] Key boolean(std::string help);
[[nodiscard]] Key integer(std::int64_t minimum, std::int64_t maximum, std::string help);
[[nodiscard]] Key integer_or_auto(std::int64_t minimum, std::int64_t maximum, std::string help);
[[nodiscard]] Key number(const NumberRange& range, std::string help);
[[nodiscard]] Key choice(std::span<const std::string_view> names, std::string help);
[[nodiscard]] Key text(std::string placeholder, std::string expected, std::string help);
[[nodiscard]] Key files(std::string help);

/// What a raw value stands for in a row of that kind; nothing where its type or range does not fit.
[[nodiscard]] std::optional<std::int64_t> integer_of(const RawValue& raw, std::int64_t minimum, std::int64_t maximum);
/// "auto" becomes `minimum` - 1.
[[nodiscard]] std::optional<std::int64_t> integer_or_auto_of(const RawValue& raw, std::int64_t minimum,
                                                             std::int64_t maximum);
/// -0.0 becomes 0.0.
[[nodiscard]] std::optional<double> number_of(const RawValue& raw, const NumberRange& range);
/// The position of the name.
[[nodiscard]] std::optional<std::size_t> choice_of(const RawValue& raw, std::span<const std::string_view> names);
[[nodiscard]] std::optional<std::string> text_of(const RawValue& raw, Empty empty);
[[nodiscard]] std::optional<std::vector<std::string>> files_of(const RawValue& raw);

}  // namespace rows

template <typename Pointer>
struct MemberOf;
template <typename Owner, typename Member>
struct MemberOf<Member Owner::*> {
  using Type = Owner;
};

/// Makes the rows of one section: `kSection` is the member of the system's configuration that holds it
/// (&Config::model), `section` its name in TOML and on the command line. Every row takes a member of the section
/// (&ModelConfig::steps), whose the setting is, its name and the line of the help page.
template <auto kSection>
class SectionKeys {
  using System = typename MemberOf<decltype(kSection)>::Type;

 public:
  explicit SectionKeys(std::string section) : section_(std::move(section)) {}

  template <auto kMember>
  [[nodiscard]] Key boolean(KeyOwner owner, std::string name, std::string help) const {
    return row<kMember>(owner, std::move(name), rows::boolean(std::move(help)), [](const RawValue& raw) {
      const bool* value = std::get_if<bool>(&raw);
      return value ? std::optional(*value) : std::nullopt;
    });
  }

  template <auto kMember>
  [[nodiscard]] Key integer(KeyOwner owner, std::string name, std::int64_t minimum, std::int64_t maximum,
                            std::string help) const {
    return row<kMember>(owner, std::move(name), rows::integer(minimum, maximum, std::move(help)),
                        [=](const RawValue& raw) { return rows::integer_of(raw, minimum, maximum); });
  }

  template <auto kMember>
  [[nodiscard]] Key integer(KeyOwner owner, std::string name, std::int64_t minimum, std::string help) const {
    return integer<kMember>(owner, std::move(name), minimum, std::numeric_limits<std::int64_t>::max(), std::move(help));
  }

  /// An integer, or "auto", which is kept as `minimum` - 1.
  template <auto kMember>
  [[nodiscard]] Key integer_or_auto(KeyOwner owner, std::string name, std::int64_t minimum, std::int64_t maximum,
                                    std::string help) const {
    Key key = row<kMember>(owner, std::move(name), rows::integer_or_auto(minimum, maximum, std::move(help)),
                           [=](const RawValue& raw) { return rows::integer_or_auto_of(raw, minimum, maximum); });
    key.value = [minimum](const SharedConfig& config) -> RawValue {
      const std::int64_t value = dynamic_cast<const System&>(config).*kSection.*kMember;
      return value < minimum ? RawValue(std::string("auto")) : RawValue(value);
    };
    return key;
  }

  /// A finite number of that sign, at most `maximum`.
  template <auto kMember>
  [[nodiscard]] Key number(KeyOwner owner, std::string name, Sign sign, double maximum, std::string help) const {
    return number_within<kMember>(owner, std::move(name), {0, sign == Sign::kNotNegative, maximum}, std::move(help));
  }

  template <auto kMember>
  [[nodiscard]] Key number(KeyOwner owner, std::string name, Sign sign, std::string help) const {
    return number<kMember>(owner, std::move(name), sign, std::numeric_limits<double>::max(), std::move(help));
  }

  /// A number from `minimum` to `maximum`, both of them allowed.
  template <auto kMember>
  [[nodiscard]] Key number_between(KeyOwner owner, std::string name, double minimum, double maximum,
                                   std::string help) const {
    return number_within<kMember>(owner, std::move(name), {minimum, true, maximum}, std::move(help));
  }

  /// One of an enumeration's values, by the names in kChoiceNames.
  template <auto kMember>
  [[nodiscard]] Key choice(KeyOwner owner, std::string name, std::string help) const {
    using Choice = std::remove_cvref_t<decltype(std::declval<System&>().*kSection.*kMember)>;
    static constexpr std::span<const std::string_view> kNames(kChoiceNames<Choice>);
    static_assert(!kNames.empty(), "an enumeration without names: specialise kChoiceNames beside it");
    return row<kMember>(owner, std::move(name), rows::choice(kNames, std::move(help)), [](const RawValue& raw) {
      const std::optional<std::size_t> position = rows::choice_of(raw, kNames);
      return position ? std::optional(static_cast<Choice>(*position)) : std::nullopt;
    });
  }

  /// A string or a path; `expected` says which, for messages.
  template <auto kMember>
  [[nodiscard]] Key text(KeyOwner owner, std::string name, std::string placeholder, std::string expected, Empty empty,
                         std::string help) const {
    return row<kMember>(owner, std::move(name),
                        rows::text(std::move(placeholder), std::move(expected), std::move(help)),
                        [empty](const RawValue& raw) { return rows::text_of(raw, empty); });
  }

  /// One or more files: a std::vector<std::filesystem::path>.
  template <auto kMember>
  [[nodiscard]] Key files(KeyOwner owner, std::string name, std::string help) const {
    return row<kMember>(owner, std::move(name), rows::files(std::move(help)), [](const RawValue& raw) {
      const std::optional<std::vector<std::string>> names = rows::files_of(raw);
      return names ? std::optional(std::vector<std::filesystem::path>(names->begin(), names->end())) : std::nullopt;
    });
  }

 private:
  template <auto kMember>
  [[nodiscard]] Key number_within(KeyOwner owner, std::string name, const NumberRange& range, std::string help) const {
    return row<kMember>(owner, std::move(name), rows::number(range, std::move(help)),
                        [range](const RawValue& raw) { return rows::number_of(raw, range); });
  }

  /// `read`: the member's new value from a raw one, or nothing where it does not fit.
  template <auto kMember, typename Read>
  [[nodiscard]] Key row(KeyOwner owner, std::string name, Key key, Read read) const {
    key.owner = owner;
    key.section = section_;
    key.name = std::move(name);
    key.assign = [read](SharedConfig& config, const RawValue& raw) {
      auto value = read(raw);
      if (!value) return false;
      dynamic_cast<System&>(config).*kSection.*kMember = *std::move(value);
      return true;
    };
    key.value = [](const SharedConfig& config) {
      return raw_of(dynamic_cast<const System&>(config).*kSection.*kMember);
    };
    return key;
  }

  template <typename Value>
  [[nodiscard]] static RawValue raw_of(const Value& value) {
    if constexpr (std::is_enum_v<Value>) {
      return std::string(choice_name(value));
    } else if constexpr (std::is_same_v<Value, std::filesystem::path>) {
      return value.string();
    } else if constexpr (std::is_same_v<Value, std::vector<std::filesystem::path>>) {
      std::vector<std::string> names;
      names.reserve(value.size());
      for (const std::filesystem::path& file : value) names.push_back(file.string());
      return names;
    } else {
      return value;
    }
  }

  std::string section_;
};

}  // namespace alignment
