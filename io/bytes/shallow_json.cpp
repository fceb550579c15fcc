#include "io/bytes/shallow_json.hpp"

#include <nlohmann/json.hpp>

namespace alignment::io {

template <typename Json>
Json shallow_json(std::string_view text) {
  constexpr int kDeepest = 32;
  bool too_deep = false;
  const auto keep = [&](int depth, typename Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  Json json = Json::parse(text, keep, /*allow_exceptions=*/false);
  return too_deep ? Json(Json::value_t::discarded) : json;
}

template nlohmann::json shallow_json(std::string_view);
template nlohmann::ordered_json shallow_json(std::string_view);

}  // namespace alignment::io
