#pragma once

namespace alignment::bench {

/// torch_expression.py, which the build puts into the program so that it can be moved alone.
[[nodiscard]] const char* torch_script();

}  // namespace alignment::bench
