// try_encoder ENCODER [bf16]: makes an encoder as dejavid_encode does, prints its description and its rows of the
// probe.
#include <cstdio>
#include <exception>
#include <vector>

#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/encoders/probe.hpp"

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 2;
  try {
    using namespace alignment::encoding;
    const auto encoder = make_encoder(
        argv[1], {.gpu = {}, .precision = argc == 3 ? EncoderPrecision::kBfloat16 : EncoderPrecision::kFloat32});
    const EncoderDescription& description = encoder->description();
    std::printf("%s %d %d %lld %lld\n", description.kind == EncoderKind::kClip ? "clip" : "frame", description.frames,
                description.size, static_cast<long long>(description.features),
                static_cast<long long>(description.logits));
    const auto width = static_cast<std::size_t>(description.features + description.logits);
    std::vector<float> rows(Probe::kInputs * width);
    encoder->encode(probe_frames(description.frames, description.size), Probe::kInputs, rows);
    for (const float value : rows) std::printf("%.9g\n", static_cast<double>(value));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
