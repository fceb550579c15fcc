#pragma once

namespace alignment::dejavid::bench {

/// torch_expression.py, which the build puts into the program so that it can be moved alone.
[[nodiscard]] const char* torch_script();
/// Likewise lrprop_expression.py.
[[nodiscard]] const char* lrprop_script();

}  // namespace alignment::dejavid::bench
