#include "src/encoding/job/store_classes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "io/formats/text/manifest.hpp"

namespace alignment::encoding {

bool keeps_logits(const EncoderDescription& encoder, KeptLogits kept, const std::vector<std::string>& listed) {
  if (encoder.logits == 0 || kept == KeptLogits::kNone) return false;
  if (kept == KeptLogits::kAll) return true;
  std::vector<std::string> known = encoder.classes, wanted = listed;
  std::sort(known.begin(), known.end());
  std::sort(wanted.begin(), wanted.end());
  return std::ssize(known) == encoder.logits && std::includes(known.begin(), known.end(), wanted.begin(), wanted.end());
}

StoreClasses store_classes(const EncoderDescription& encoder, const WindowRule& rule,
                           const std::vector<std::string>& listed) {
  StoreClasses classes{.names = listed, .labels = std::vector<std::int32_t>(listed.size()), .note = {}};
  std::iota(classes.labels.begin(), classes.labels.end(), 0);
  if (encoder.logits == 0) return classes;
  std::vector<std::string> known = encoder.classes, wanted = listed;
  std::sort(known.begin(), known.end());
  std::sort(wanted.begin(), wanted.end());
  if (known != wanted || std::ssize(known) != encoder.logits) {
    classes.note = fmt::format(
        "the encoder's {} logits are not said to be of the videos' {} classes: they are features like others",
        encoder.logits, listed.size());
    return classes;
  }
  classes.names = encoder.classes;
  classes.logits = encoder.logits * (rule.kind == WindowRule::Kind::kMulti ? std::ssize(rule.widths) : 1);
  const auto labels = io::labels_of(encoder.classes);
  for (std::size_t label = 0; label < listed.size(); ++label) classes.labels[label] = labels.at(listed[label]);
  return classes;
}

}  // namespace alignment::encoding
