#include <string_view>

#include "io/bytes/text.hpp"
#include "src/encoding/encoders/efficientnet_lite0.hpp"
#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/encoders/exported_encoder.hpp"
#include "src/encoding/encoders/exported_settings.hpp"
#include "src/encoding/encoders/motion.hpp"

namespace alignment::encoding {
namespace {

void require_file(const std::string& name) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(name, ignored)) return;
  // A file's name has an ending or a folder; anything else is meant for one of ours.
  const bool may_be_a_file = name.find_first_of("./") != std::string::npos;
  const std::string_view meant = io::nearest(io::lower(name), {"motion", "efficientnet-lite0"});
  throw EncoderError(
      name +
      ": found no such encoder or file; expected motion, efficientnet-lite0, or the file of an exported network; " +
      (may_be_a_file ? "check the name, or export one with launch/export_encoder.py"
                     : "did you mean " + std::string(meant) + "?"));
}

}  // namespace

std::unique_ptr<Encoder> make_encoder(const std::string& name, const EncoderPlace& place) {
  if (name == "motion") return std::make_unique<MotionEncoder>();
  if (name == "efficientnet-lite0") return make_efficientnet_lite0(find_efficientnet_lite0(), place);
  require_file(name);
  return make_exported_encoder(name, place);
}

EncoderDescription describe_encoder(const std::string& name) {
  if (name == "motion") return MotionEncoder().description();
  if (name == "efficientnet-lite0") return describe_efficientnet_lite0();
  require_file(name);
  return read_exported_settings(name).description;
}

}  // namespace alignment::encoding
