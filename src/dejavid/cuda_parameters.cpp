#include "src/dejavid/cuda_parameters.hpp"

#include <span>

namespace dejavid {

using kernels::ParametersView;

CudaParameters::CudaParameters(const Model& model, CudaStream& stream)
    : stream_(stream), classes_(model.classes), steps_(model.steps), feature_dim_(model.feature_dim) {
  for (DeviceBuffer<float>* buffer : {&centroids_, &log_weights_, &weights_}) buffer->reserve(count());
  live_packed_.reserve(kernels::cuda::packed_parameter_count(classes_, steps_, feature_dim_));
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
  frozen_packed_.reserve(kernels::cuda::packed_parameter_count(classes_, steps_, feature_dim_));
  copy_to_device(std::span<const float>(centroids), frozen_centroids_.data(), stream_);
  float* const logarithms = frozen_packed_.data();  // which is larger, and filled only below
  copy_to_device(std::span<const float>(log_weights), logarithms, stream_);
  kernels::cuda::exponentiate(logarithms, count(), frozen_weights_.data(), stream_.get());
  static_cast<void>(
      kernels::cuda::pack_parameters({frozen_centroids_.data(), frozen_weights_.data(), classes_, steps_, feature_dim_},
                                     frozen_packed_.data(), stream_.get()));
  stream_.finish();
}

ParametersView<float> CudaParameters::live() const {
  return {centroids_.data(), weights_.data(), classes_, steps_, feature_dim_};
}

kernels::PackedParameters CudaParameters::live_packed() {
  if (!live_packed_ready_) {
    static_cast<void>(kernels::cuda::pack_parameters(live(), live_packed_.data(), stream_.get()));
    live_packed_ready_ = true;
  }
  return packed(live_packed_);
}

}  // namespace dejavid
