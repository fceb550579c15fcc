#include "dist/topology.hpp"

#include <unistd.h>

#include <array>

namespace alignment::dist {

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown-host";
  return name.data();
}

}  // namespace alignment::dist
