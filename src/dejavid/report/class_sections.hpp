#pragma once

#include <string>
#include <vector>

#include "src/dejavid/commands/judgement.hpp"

/// What an evaluation says, as sections (html) of a report.
namespace alignment::dejavid {

/// The classes by accuracy, the lowest first; of equal ones those of more samples; those without samples last.
[[nodiscard]] std::vector<std::size_t> worst_first(const Judgement& judgement);

[[nodiscard]] std::string numbers_section(const Judgement& judgement);
[[nodiscard]] std::string errors_section(const Judgement& judgement);
[[nodiscard]] std::string classes_section(const Judgement& judgement);
[[nodiscard]] std::string paths_section(const Judgement& judgement);

/// "80.0 % of 15 right" of each class, as html.
[[nodiscard]] std::vector<std::string> accuracy_remarks(const Judgement& judgement);

}  // namespace alignment::dejavid
