#pragma once

#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/cuda/device.hpp"
#include "src/lrprop/embedded_video.hpp"
#include "src/lrprop/model/model_content.hpp"
#include "src/lrprop/network/network.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::lrprop {

/// A network that only embeds.
[[nodiscard]] Network embedding_network(const ModelContent& content, const Config& config, const CudaDevice* gpu,
                                        int threads);

/// A store's videos, in its order, but those that data.bad_samples leaves out.
[[nodiscard]] std::vector<std::int64_t> kept_videos(const io::TseStore& store);

/// Rows of a store's videos as they are: features as embeddings. Every rank reads all of them.
[[nodiscard]] std::vector<EmbeddedVideo> stored_videos(io::TseStore& store, const std::vector<std::int64_t>& samples);

/// The same as a model's network is given them: standardised where the model standardises.
[[nodiscard]] std::vector<EmbeddedVideo> network_inputs(io::TseStore& store, const std::vector<std::int64_t>& samples,
                                                        const ModelContent& content);

/// Collective. Embeds the videos, each on one rank; every rank gets all of them.
[[nodiscard]] std::vector<EmbeddedVideo> embed_videos(Dataset& dataset, const std::vector<std::int64_t>& samples,
                                                      const Network& network, const Config& config, int threads,
                                                      dist::Communicator& communicator);

}  // namespace alignment::lrprop
