#pragma once

#include <array>
#include <string>
#include <vector>

#include "io/store/memory_samples.hpp"
#include "src/lrprop/alignment/alignment.hpp"
#include "src/lrprop/model/model_content.hpp"
#include "src/python/in_memory.hpp"

/// LRProp in the process of its caller, as classifier.hpp is DejaVid. LibTorch's settings, of the process and of the
/// calling thread, have no part in it and stay as they are (network/torch_thread.hpp).
namespace alignment::python {

/// The configuration with these settings and the defaults of all others, as TOML. Throws ConfigError, which names the
/// setting as the caller does.
[[nodiscard]] std::string embedder_configuration(const std::vector<Setting>& settings);

/// Trains on videos, as `lrprop_dist train` does on a store of the same videos in the same order: the same bits. A
/// video's label is its action. `configuration`: TOML. Throws as fit() of classifier.hpp.
[[nodiscard]] lrprop::ModelContent train_embedder(const io::MemorySamples& videos, const std::string& configuration,
                                                  int threads);

/// The embeddings [T,E] of each video's frames, as `lrprop_dist embed` computes them. `configuration`: what
/// eval.frames_per_pass is taken from. Throws the same.
[[nodiscard]] std::vector<std::vector<float>> embed(const lrprop::ModelContent& content,
                                                    const io::MemorySamples& videos, const std::string& configuration,
                                                    int threads);

/// Two videos beside each other.
struct AlignedVideos {
  lrprop::VideoAlignment alignment;
  std::string svg;  ///< what `lrprop_dist align` draws
};
/// The first of two videos is the query. `names`: what the picture calls them. Throws the same.
[[nodiscard]] AlignedVideos align_videos(const lrprop::ModelContent& content, const io::MemorySamples& videos,
                                         const std::array<std::string, 2>& names, const std::string& configuration,
                                         int threads);

}  // namespace alignment::python
