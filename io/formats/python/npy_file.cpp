#include "io/formats/python/npy_file.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <span>
#include <string_view>

#include "io/bytes/half_float.hpp"
#include "io/bytes/text.hpp"
#include "io/errors.hpp"
#include "io/formats/python/load_bits.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::io {
namespace {

/// What the header's Python dict literal says.
struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::size_t data_begin = 0;
  /// Bytes of a number, for the types that are read.
  [[nodiscard]] std::size_t width() const { return static_cast<std::size_t>(descr[2] - '0'); }
};

[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view found, std::string_view expected) {
  throw StoreError(fmt::format("{}: found {}; expected {}", file.string(), found, expected));
}

/// The text of a key's value, up to the end of the dict.
std::string_view value_of(const std::filesystem::path& file, std::string_view dict, std::string_view key) {
  const std::string quoted = fmt::format("'{}'", key);
  const auto at = dict.find(quoted);
  const auto colon = at == std::string_view::npos ? at : dict.find(':', at);
  if (colon == std::string_view::npos) {
    refuse(file, fmt::format("a .npy header without '{}'", key),
           "the header that numpy.save writes; save the array anew");
  }
  if (dict.find(quoted, at + quoted.size()) != std::string_view::npos) {
    refuse(file, fmt::format("a .npy header with '{}' twice", key),
           "the header that numpy.save writes; save the array anew");
  }
  return trim(dict.substr(colon + 1));
}

NpyHeader parse_header(const std::filesystem::path& file, std::string_view bytes) {
  constexpr std::string_view kMagic("\x93NUMPY", 6);
  constexpr std::string_view kExpected = "a .npy file of format 1.0, 2.0 or 3.0; save the array with numpy.save";
  if (!bytes.starts_with(kMagic) || bytes.size() < 12) {
    refuse(file, "no .npy magic number", kExpected);
  }
  const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])); };
  const std::size_t major = byte(6);
  if (major < 1 || major > 3) {
    refuse(file, fmt::format(".npy format {}.{}", major, byte(7)), kExpected);
  }
  const std::size_t begin = major == 1 ? 10 : 12;
  const std::size_t length = byte(8) | byte(9) << 8 | (major == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (bytes.size() < begin + length) {
    refuse(file, "a file that ends within its header", "a whole file; copy it again");
  }
  const std::string_view dict = bytes.substr(begin, length);
  NpyHeader header;
  header.data_begin = begin + length;

  const std::string_view descr = value_of(file, dict, "descr");
  if (descr.size() < 2 || descr[0] != '\'' || descr.find('\'', 1) == std::string_view::npos) {
    refuse(file, "an array of records", "a plain floating type (f2, f4 or f8); convert it with .astype('f4')");
  }
  header.descr = descr.substr(1, descr.find('\'', 1) - 1);
  const std::string_view order = value_of(file, dict, "fortran_order");
  const std::string_view word = trim(order.substr(0, order.find_first_of(",}")));
  if (word != "True" && word != "False") {
    refuse(file, fmt::format("the fortran_order '{}'", excerpt(word)), "True or False; save the array anew");
  }
  header.fortran_order = word == "True";
  const std::string_view shape = value_of(file, dict, "shape");
  const auto close = shape.find(')');
  if (!shape.starts_with('(') || close == std::string_view::npos) {
    refuse(file, "a .npy header without a shape", "the header that numpy.save writes; save the array anew");
  }
  for (const auto text : split_text(shape.substr(1, close - 1), ',')) {
    long long extent = 0;
    const std::string_view digits = trim(text);
    if (digits.empty()) {
      continue;  // the comma that a one-tuple ends with
    }
    if (!parse_integer(digits, extent) || digits != std::to_string(extent) || extent < 0) {
      refuse(file, fmt::format("the extent '{}'", excerpt(digits)), "a number; save the array anew");
    }
    header.shape.push_back(extent);
  }
  return header;
}

/// The header of an array [T,F] of a type that is read, with as many bytes of data as it says.
NpyHeader checked_header(const std::filesystem::path& file, const std::vector<char>& bytes) {
  NpyHeader header = parse_header(file, {bytes.data(), bytes.size()});
  if (header.shape.size() != 2) {
    refuse(file, fmt::format("an array of shape ({})", fmt::join(header.shape, ", ")),
           "a 2-D array [T, F]; a single feature is array.reshape(-1, 1), one step is array.reshape(1, -1)");
  }
  if (header.shape[0] == 0 || header.shape[1] == 0) {
    refuse(file, fmt::format("an empty array of shape ({})", fmt::join(header.shape, ", ")),
           "at least one step and one feature");
  }
  const std::string_view type = header.descr;
  const bool known = type.size() == 3 && (type[0] == '<' || type[0] == '>') && type[1] == 'f' &&
                     (type[2] == '2' || type[2] == '4' || type[2] == '8');
  if (!known) {
    refuse(file, fmt::format("the type '{}'", excerpt(type)), "f2, f4 or f8; convert it with .astype('f4')");
  }
  const auto steps = static_cast<std::size_t>(header.shape[0]), feature_dim = static_cast<std::size_t>(header.shape[1]);
  const std::span<const char> data = std::span(bytes).subspan(header.data_begin);
  const std::size_t width = header.width();
  // Divided, not multiplied: a forged shape may overflow.
  if (data.size() % width != 0 || data.size() / width / steps != feature_dim || data.size() / width % steps != 0) {
    refuse(file, fmt::format("{} bytes of data for shape ({}) of {}", data.size(), fmt::join(header.shape, ", "), type),
           "as many as the shape says; copy or save the file again");
  }
  return header;
}

}  // namespace

std::int64_t read_npy_feature_dim(const std::filesystem::path& file) {
  return checked_header(file, read_whole_file(file)).shape[1];
}

FeatureMatrix read_npy(const std::filesystem::path& file) {
  static_assert(std::endian::native == std::endian::little);
  const std::vector<char> bytes = read_whole_file(file);
  const NpyHeader header = checked_header(file, bytes);
  const bool swapped = header.descr[0] == '>';
  const std::size_t width = header.width();
  const auto steps = static_cast<std::size_t>(header.shape[0]), feature_dim = static_cast<std::size_t>(header.shape[1]);
  const std::span<const char> data = std::span(bytes).subspan(header.data_begin);
  FeatureMatrix matrix{.steps = header.shape[0], .feature_dim = header.shape[1], .values = {}};
  matrix.values.resize(steps * feature_dim);
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t feature = 0; feature < feature_dim; ++feature) {
      const std::size_t index = header.fortran_order ? feature * steps + step : step * feature_dim + feature;
      const char* at = data.data() + index * width;
      float& value = matrix.values[step * feature_dim + feature];
      if (width == 2) {
        value = widen_half(load_bits<std::uint16_t>(at, swapped));
      } else if (width == 4) {
        value = std::bit_cast<float>(load_bits<std::uint32_t>(at, swapped));
      } else {
        const auto wide = std::bit_cast<double>(load_bits<std::uint64_t>(at, swapped));
        value = static_cast<float>(wide);
        if (std::isfinite(wide) && !std::isfinite(value)) {
          throw NotFiniteError(
              fmt::format("{}: found {} at step {} feature {}; expected a number that fits f32; scale the features",
                          file.string(), wide, step, feature));
        }
      }
    }
  }
  return matrix;
}

}  // namespace alignment::io
