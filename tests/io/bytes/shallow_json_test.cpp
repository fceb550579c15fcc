#include "io/bytes/shallow_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace alignment::io {
namespace {

using Json = nlohmann::json;

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(ShallowJson, IsWhatTheTextSays) {
  EXPECT_EQ(shallow_json<Json>(R"({"b": [1, 2.5, {"c": null}], "a": "x"})"),
            (Json{{"b", {1, 2.5, {{"c", nullptr}}}}, {"a", "x"}}));
  EXPECT_EQ(shallow_json<nlohmann::ordered_json>(R"({"b": 1, "a": 2})").dump(), R"({"b":1,"a":2})");
  EXPECT_EQ(shallow_json<Json>(nested(20)).dump(), nested(20));
}

TEST(ShallowJson, WhatIsNoneOrTooDeepIsDiscarded) {
  for (const std::string& text : {std::string(), std::string("{"), std::string("1 2"), nested(100), nested(1'000'000),
                                  R"({"a": )" + nested(1'000'000) + "}"}) {
    EXPECT_TRUE(shallow_json<Json>(text).is_discarded()) << text.substr(0, 20);
    EXPECT_TRUE(shallow_json<nlohmann::ordered_json>(text).is_discarded()) << text.substr(0, 20);
  }
}

}  // namespace
}  // namespace alignment::io
