#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace alignment::io {

/// `text` as JSON; discarded where it is none, or where it is nested deeper than anything that is read here: a copy or
/// a text of such a value takes more stack than there may be. Json: nlohmann::json or nlohmann::ordered_json.
template <typename Json>
[[nodiscard]] Json shallow_json(std::string_view text);

}  // namespace alignment::io
