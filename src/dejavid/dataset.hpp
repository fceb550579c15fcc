#pragma once

#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "io/sample_stream.hpp"
#include "io/tse_store.hpp"
#include "src/config/config.hpp"

namespace dejavid {

class Device;

/// What a rank reads: the store and the one stream that reads from it.
struct Dataset {
  io::TseStore store;
  io::SampleStream stream;
  bool kept_on_device;  ///< whether the device keeps the features that it has seen

  /// Collective. Opens data.store on every rank, agrees that all succeeded and read the same content, and chooses the
  /// cache. `trained_on`: the device that will see every training sample many times, or nullptr. Throws
  /// dist::AgreedFailure.
  static Dataset open(const Config& config, dist::Communicator& communicator, Device* trained_on = nullptr);

  Dataset(io::TseStore opened, io::SampleCache cache, bool keep_on_device, int prefetch);
};

/// The samples that an evaluation is about, and what to call them.
struct EvaluationSplit {
  io::Split split = io::Split::kValidation;
  const char* name = "val";
  std::vector<std::int64_t> samples;
};

/// auto: val, or test where there is no val. Its samples may be none.
[[nodiscard]] EvaluationSplit choose_split(const io::TseStore& store, EvalSplit choice);

}  // namespace dejavid
