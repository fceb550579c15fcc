#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/samples/windows.hpp"

namespace alignment::encoding {

/// The classes of a store of encoded videos.
struct StoreClasses {
  std::vector<std::string> names;    ///< [C] in the store's order
  std::vector<std::int32_t> labels;  ///< [C] in the store's order, of the list's classes
  std::int64_t logits = 0;           ///< how many of a row's last numbers are logits of these classes
  std::string note;                  ///< one line for the user, or empty
};

/// What becomes of an encoder's logits.
enum class KeptLogits : std::uint8_t {
  kAuto,  ///< they are kept where the encoder names them and all classes of the list are among the names
  kAll,
  kNone,
};

/// Whether rows end with the encoder's logits; never where it has none.
[[nodiscard]] bool keeps_logits(const EncoderDescription& encoder, KeptLogits kept,
                                const std::vector<std::string>& listed);

/// Where the encoder's logits are of the same classes as the videos (`listed`), its order is the store's, and the store
/// holds logits: C for every window of a row. Else the list's order stays, and logits are features like others. The
/// description is that of what is stored: without logits, where they are not kept.
[[nodiscard]] StoreClasses store_classes(const EncoderDescription& encoder, const WindowRule& rule,
                                         const std::vector<std::string>& listed);

}  // namespace alignment::encoding
