#include "io/formats/text/id_table.hpp"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/bytes/text.hpp"
#include "io/errors.hpp"
#include "io/formats/python/pickle.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::io {
namespace {

using IdValue = std::variant<std::int64_t, std::string>;

void add(IdTable& table, const std::string& id, std::optional<IdValue> value) {
  if (!value) {
    throw StoreError(
        fmt::format("{}:{}: found a value that is neither an integer nor a text; expected a dict from id to one of "
                    "these; convert the values",
                    table.file.string(), excerpt(id)));
  }
  if (id.find('\0') != std::string::npos) {
    throw StoreError(fmt::format("{}:{}: found an id with a NUL character; expected a plain text; rename it",
                                 table.file.string(), excerpt(id)));
  }
  if (!table.values.emplace(id, std::move(*value)).second) {
    throw StoreError(fmt::format("{}:{}: found this id twice; expected every id once; remove one", table.file.string(),
                                 excerpt(id)));
  }
  table.ids.push_back(id);
}

void add_json(IdTable& table, const std::vector<char>& bytes) {
  using Json = nlohmann::ordered_json;
  std::size_t keys = 0;
  Json json;
  try {
    json = Json::parse(bytes.begin(), bytes.end(), [&](int depth, Json::parse_event_t event, const Json&) {
      keys += depth == 1 && event == Json::parse_event_t::key ? 1 : 0;
      return true;
    });
  } catch (const Json::exception& error) {
    throw StoreError(fmt::format("{}: found no JSON: {}; expected an object from id to value; correct the file",
                                 table.file.string(), excerpt(error.what())));
  }
  if (!json.is_object()) {
    throw StoreError(fmt::format("{}: found a JSON {}; expected an object from id to value; correct the file",
                                 table.file.string(), json.type_name()));
  }
  if (keys != json.size()) {
    throw StoreError(
        fmt::format("{}: found {} keys but {} different ones; expected every id once; remove the repeated ones",
                    table.file.string(), keys, json.size()));
  }
  for (const auto& [id, value] : json.items()) {
    std::optional<IdValue> plain;
    if (value.is_string()) {
      plain = value.get<std::string>();
    } else if (value.is_number_integer() &&
               (!value.is_number_unsigned() ||
                value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))) {
      plain = value.get<std::int64_t>();
    }
    add(table, id, std::move(plain));
  }
}

std::optional<IdValue> plain_value(const PickleValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return *integer;
  }
  if (const auto* text = std::get_if<PickleText>(&value)) {
    return *text->text;
  }
  return std::nullopt;
}

void add_pickle(IdTable& table, const std::vector<char>& bytes) {
  const PickleDocument document = read_pickle(table.file.string(), bytes);
  const auto* root = std::get_if<PickleContainer>(&document.root);
  if (root == nullptr || document.containers[root->index].kind != PickleNode::Kind::kDict) {
    throw StoreError(fmt::format("{}: found a pickle that is no dict; expected one from id to value; pickle a dict",
                                 table.file.string()));
  }
  for (const auto& [key, value] : document.containers[root->index].dict_items) {
    const std::optional<IdValue> id = plain_value(key);
    if (!id) {
      throw StoreError(
          fmt::format("{}: found a key that is neither an integer nor a text; expected ids; convert the keys",
                      table.file.string()));
    }
    const auto* text = std::get_if<std::string>(&*id);
    add(table, text != nullptr ? *text : std::to_string(std::get<std::int64_t>(*id)), plain_value(value));
  }
}

}  // namespace

const std::string& IdTable::text(const std::string& id, const char* meaning) const {
  const auto* value = std::get_if<std::string>(&values.at(id));
  if (value == nullptr) {
    throw StoreError(fmt::format("{}:{}: found an integer; expected a {} as text; correct the dict", file.string(),
                                 excerpt(id), meaning));
  }
  return *value;
}

std::int64_t IdTable::integer(const std::string& id, const char* meaning) const {
  const auto* value = std::get_if<std::int64_t>(&values.at(id));
  if (value == nullptr) {
    throw StoreError(fmt::format(
        "{}:{}: found the text '{}'; expected a {} as an integer, as others are; name or number all of them",
        file.string(), excerpt(id), excerpt(std::get<std::string>(values.at(id))), meaning));
  }
  return *value;
}

IdTable read_id_table(const std::filesystem::path& file) {
  IdTable table;
  table.file = file;
  const std::vector<char> bytes = read_whole_file(file);
  if (lower(file.extension().string()) == ".json") {
    add_json(table, bytes);
  } else {
    add_pickle(table, bytes);
  }
  if (table.ids.empty()) {
    throw StoreError(fmt::format("{}: found an empty dict; expected one entry a sample; fill it", file.string()));
  }
  return table;
}

}  // namespace alignment::io
