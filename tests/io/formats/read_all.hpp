#pragma once

#include <string>
#include <vector>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// Every sample of a source.
inline std::vector<SourceSample> read_all(SampleSource& source) {
  std::vector<SourceSample> samples(static_cast<std::size_t>(source.sample_count()));
  for (SourceSample& sample : samples) {
    source.next(sample);
  }
  return samples;
}

}  // namespace alignment::io
