#include "src/encoding/encoders/efficientnet_lite0.hpp"
#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/encoders/exported_encoder.hpp"
#include "src/encoding/encoders/motion.hpp"

namespace alignment::encoding {

std::unique_ptr<Encoder> make_encoder(const std::string& name, const EncoderPlace& place) {
  if (name == "motion") return std::make_unique<MotionEncoder>();
  if (name == "efficientnet-lite0") return make_efficientnet_lite0(find_efficientnet_lite0(), place);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(name, ignored)) {
    throw EncoderError(
        name +
        ": found no such encoder or file; expected motion, efficientnet-lite0, or the file of an exported "
        "network; check the name, or export one with launch/export_encoder.py");
  }
  return make_exported_encoder(name, place);
}

}  // namespace alignment::encoding
