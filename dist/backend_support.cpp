#include "dist/backend_support.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace alignment::dist::detail {

std::size_t element_size(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
      return 1;
    case ElementType::kFloat32:
    case ElementType::kInt32:
      return 4;
    case ElementType::kFloat64:
    case ElementType::kInt64:
    case ElementType::kUint64:
      return 8;
  }
  throw std::invalid_argument("element type: found an unknown one");
}

const char* element_name(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return "float32";
    case ElementType::kFloat64:
      return "float64";
    case ElementType::kInt32:
      return "int32";
    case ElementType::kInt64:
      return "int64";
    case ElementType::kUint64:
      return "uint64";
    case ElementType::kUint8:
      return "uint8";
  }
  throw std::invalid_argument("element type: found an unknown one");
}

void require_rank(Rank root, const Topology& topology) {
  if (root.value >= 0 && root.value < topology.world_size.value) return;
  throw std::invalid_argument(fmt::format("broadcast: found root {}; expected 0 .. {}; name a rank of this world",
                                          root.value, topology.world_size.value - 1));
}

}  // namespace alignment::dist::detail
