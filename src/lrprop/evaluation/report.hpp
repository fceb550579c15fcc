#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "src/lrprop/evaluation/result.hpp"

namespace alignment::lrprop {

/// The first result as an object, the others beneath "baselines" by name, with the same fields. What there is no number
/// for is null.
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<EvaluationResult>& results);

/// A row a number and a column a result; with several actions also a row an action, of the first result. "-" where
/// there is no number; the notes follow.
[[nodiscard]] std::string table(const std::vector<EvaluationResult>& results);

}  // namespace alignment::lrprop
