#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "io/bytes/utf8.hpp"
#include "io/hdf5/input.hpp"

namespace alignment::io::hdf5 {
namespace {

struct Attribute {
  Handle id, type;
  std::string where;
};

std::optional<Attribute> open_attribute(const Handle& object, const char* name) {
  const auto where = fmt::format(":attribute {}", name);
  if (checked(H5Aexists(object.get(), name), where, "looking for it") == 0) return {};
  Attribute attribute;
  attribute.where = where;
  attribute.id = owned(H5Aopen(object.get(), name, H5P_DEFAULT), H5Aclose, where, "opening it");
  attribute.type = owned(H5Aget_type(attribute.id.get()), H5Tclose, where, "reading its type");
  const auto space = owned(H5Aget_space(attribute.id.get()), H5Sclose, where, "reading its shape");
  if (const auto count = checked(H5Sget_simple_extent_npoints(space.get()), where, "reading its shape"); count != 1) {
    throw Refusal(fmt::format("{}: found {} values; expected one; make the file again", where, count));
  }
  return attribute;
}

[[noreturn]] void refuse_type(const Attribute& attribute, std::string_view expected) {
  throw Refusal(fmt::format("{}: found {}; expected {}; make the file again", attribute.where,
                            describe_type(attribute.type.get()), expected));
}

/// h5py writes a NumPy boolean as an enumeration over i8.
bool is_integer(const Attribute& attribute) {
  const H5T_class_t kind = H5Tget_class(attribute.type.get());
  return kind == H5T_INTEGER || kind == H5T_ENUM;
}

template <typename T>
T read_number(const Attribute& attribute, hid_t memory_type) {
  T value{};
  checked(H5Aread(attribute.id.get(), memory_type, &value), attribute.where, "reading it");
  return value;
}

}  // namespace

std::optional<std::int64_t> integer_attribute(const Handle& object, const char* name) {
  const auto attribute = open_attribute(object, name);
  if (!attribute) return {};
  if (!is_integer(*attribute)) refuse_type(*attribute, "an integer");
  return read_number<std::int64_t>(*attribute, H5T_NATIVE_INT64);
}

std::optional<std::uint64_t> unsigned_attribute(const Handle& object, const char* name) {
  const auto attribute = open_attribute(object, name);
  if (!attribute) return {};
  if (H5Tequal(attribute->type.get(), H5T_STD_U64LE) <= 0 && H5Tequal(attribute->type.get(), H5T_STD_U64BE) <= 0)
    refuse_type(*attribute, "u64");
  return read_number<std::uint64_t>(*attribute, H5T_NATIVE_UINT64);
}

std::optional<double> real_attribute(const Handle& object, const char* name) {
  const auto attribute = open_attribute(object, name);
  if (!attribute) return {};
  if (H5Tget_class(attribute->type.get()) != H5T_FLOAT && !is_integer(*attribute)) refuse_type(*attribute, "a number");
  return read_number<double>(*attribute, H5T_NATIVE_DOUBLE);
}

std::optional<std::string> text_attribute(const Handle& object, const char* name) {
  const auto attribute = open_attribute(object, name);
  if (!attribute) return {};
  const hid_t type = attribute->type.get();
  if (H5Tget_class(type) != H5T_STRING) refuse_type(*attribute, "text");
  std::string text;
  if (H5Tis_variable_str(type) > 0) {
    text = read_variable_text(attribute->id, attribute->where);
    text.erase(std::min(text.find('\0'), text.size()));
  } else {
    text.resize(H5Tget_size(type));
    checked(H5Aread(attribute->id.get(), type, text.data()), attribute->where, "reading it");
    text.erase(std::min(text.find('\0'), text.size()));
    while (H5Tget_strpad(type) == H5T_STR_SPACEPAD && text.ends_with(' ')) text.pop_back();
  }
  if (!is_utf8(text)) {
    throw Refusal(fmt::format("{}: found bytes that are no text; expected UTF-8; encode it and make the file again",
                              attribute->where));
  }
  return text;
}

void require_digest(const Handle& object, const char* attribute, std::string_view where, std::uint64_t found) {
  const auto stored = unsigned_attribute(object, attribute);
  if (!stored || *stored == found) return;
  throw Refusal(
      fmt::format("{}: found content of digest {:016x}; expected {:016x}; copy the file again or make it again", where,
                  found, *stored));
}

}  // namespace alignment::io::hdf5
