#include "src/dejavid/cuda_parameters.hpp"

#include <span>
#include <stdexcept>

namespace dejavid {

using kernels::ParametersView;

CudaParameters::CudaParameters(const Model& model, CudaStream& stream)
    : stream_(stream), classes_(model.classes), steps_(model.steps), feature_dim_(model.feature_dim) {
  for (DeviceBuffer<float>* buffer : {&centroids_, &log_weights_, &weights_}) buffer->reserve(count());
  if (!model.spread.empty()) {
    spread_.reserve(feature_dim_);
    copy_to_device(std::span<const float>(model.spread), spread_.data(), stream_);
  }
  load(model);
}

void CudaParameters::load(const Model& model) {
  copy_to_device(std::span<const float>(model.centroids), centroids_.data(), stream_);
  copy_to_device(std::span<const float>(model.log_weights), log_weights_.data(), stream_);
  kernels::cuda::exponentiate(log_weights_.data(), count(), weights_.data(), stream_.get());
  stream_.finish();
  changed();
}

void CudaParameters::fetch(Model& model) const {
  model.centroids.resize(static_cast<std::size_t>(count()));
  model.log_weights.resize(model.centroids.size());
  copy_to_host(centroids_.data(), std::span<float>(model.centroids), stream_);
  copy_to_host(log_weights_.data(), std::span<float>(model.log_weights), stream_);
  stream_.finish();
}

void CudaParameters::set_frozen(const std::vector<float>& centroids, const std::vector<float>& log_weights) {
  frozen_centroids_.reserve(count());
  frozen_weights_.reserve(count());
  float* const logarithms = frozen_centroids_.data();  // until the centroids come
  copy_to_device(std::span<const float>(log_weights), logarithms, stream_);
  kernels::cuda::exponentiate(logarithms, count(), frozen_weights_.data(), stream_.get());
  copy_to_device(std::span<const float>(centroids), frozen_centroids_.data(), stream_);
  stream_.finish();
  frozen_packed_.ready = frozen_packed_.half_ready = false;
}

ParametersView<float> CudaParameters::live() const {
  return {centroids_.data(), weights_.data(), classes_, steps_, feature_dim_};
}

SearchParameters CudaParameters::frozen_packed(PathPrecision precision) {
  return pack({frozen_centroids_.data(), frozen_weights_.data(), classes_, steps_, feature_dim_}, precision,
              frozen_packed_);
}

SearchParameters CudaParameters::live_packed(PathPrecision precision) {
  return pack(live(), precision, live_packed_);
}

SearchParameters CudaParameters::pack(const ParametersView<float>& parameters, PathPrecision precision,
                                      PackedCopies& copies) {
  if (precision == PathPrecision::kI8) throw std::logic_error("path searches in i8 on a GPU");
  if (precision == PathPrecision::kF16) {
    std::byte* const packed =
        copies.half.reserve(kernels::cuda::half_packed_parameter_bytes(classes_, steps_, feature_dim_));
    if (!copies.half_ready) {
      copies.half_parameters = kernels::cuda::pack_half_parameters(parameters, packed, stream_.get());
    }
    copies.half_ready = true;
    return copies.half_parameters;
  }
  float* const packed = copies.panels.reserve(kernels::cuda::packed_parameter_count(classes_, steps_, feature_dim_));
  if (!copies.ready) static_cast<void>(kernels::cuda::pack_parameters(parameters, packed, stream_.get()));
  copies.ready = true;
  return kernels::PackedParameters{packed, classes_, steps_, feature_dim_};
}

}  // namespace dejavid
