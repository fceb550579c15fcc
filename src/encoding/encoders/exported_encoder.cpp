#include "src/encoding/encoders/exported_encoder.hpp"

#include <string>
#include <utility>

#include "src/encoding/encoders/exported_program.hpp"
#include "src/encoding/encoders/exported_settings.hpp"
#include "src/encoding/encoders/probe.hpp"
#include "src/encoding/encoders/torch_encoder.hpp"

namespace alignment::encoding {
namespace {

class ExportedEncoder : public TorchEncoder {
 public:
  ExportedEncoder(const std::filesystem::path& file, const ExportedSettings& settings, const EncoderPlace& place)
      : TorchEncoder(settings.description, FrameNumbers(settings.layout, settings.to_one, settings.mean, settings.std),
                     file.string(), place),
        program_(load_exported_program(file, device())) {
    const Probe probe = read_probe(settings.probe, settings.description);
    check(probe, EncoderPrecision::kFloat32);
    if (place.precision == EncoderPrecision::kFloat32) return;
    set_precision(place.precision);
    program_->convert(type());
    check(probe, place.precision);
  }

 private:
  /// The probe, and that nothing is left of it in the network: else rows would depend on what was encoded before.
  void check(const Probe& probe, EncoderPrecision precision) const {
    const std::string before = program_->state();
    const auto require_unchanged = [&] {
      if (program_->state() == before) return;
      throw EncoderError(where() +
                         ": found that the network changes itself while it computes; expected one whose rows depend on "
                         "nothing but its input; export it without what it keeps from one call to the next");
    };
    try {
      check_probe(*this, probe, precision);
    } catch (const EncoderError&) {
      require_unchanged();  // which then is why
      throw;
    }
    require_unchanged();
  }

  [[nodiscard]] at::Tensor run(const at::Tensor& numbers) const override { return program_->run(numbers); }

  std::unique_ptr<ExportedProgram> program_;
};

}  // namespace

std::unique_ptr<Encoder> make_exported_encoder(const std::filesystem::path& file, const EncoderPlace& place) {
  const ExportedSettings settings = read_exported_settings(file);
  try {
    return std::make_unique<ExportedEncoder>(file, settings, place);
  } catch (const c10::Error& error) {
    throw not_moved(file.string(), error);
  }
}

}  // namespace alignment::encoding
