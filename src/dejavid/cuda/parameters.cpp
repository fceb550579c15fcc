#include "src/dejavid/cuda/parameters.hpp"

#include <span>

namespace alignment {

using kernels::ParametersView;

CudaParameters::CudaParameters(const Model& model, CudaStream& stream) : stream_(stream), extents_(model) {
  for (DeviceBuffer<float>* buffer : {&centroids_, &log_weights_, &weights_}) buffer->reserve(extents_.element_count());
  if (!model.spread.empty()) {
    spread_.reserve(extents_.feature_dim);
    copy_to_device(std::span<const float>(model.spread), spread_.data(), stream_);
  }
  load(model);
}

void CudaParameters::load(const Parameters& live) {
  copy_to_device(std::span<const float>(live.centroids), centroids_.data(), stream_);
  copy_to_device(std::span<const float>(live.log_weights), log_weights_.data(), stream_);
  kernels::cuda::exponentiate(log_weights_.data(), extents_.element_count(), weights_.data(), stream_.get());
  stream_.finish();
  changed();
}

void CudaParameters::fetch(Parameters& live) const {
  live.centroids.resize(static_cast<std::size_t>(extents_.element_count()));
  live.log_weights.resize(live.centroids.size());
  copy_to_host(centroids_.data(), std::span<float>(live.centroids), stream_);
  copy_to_host(log_weights_.data(), std::span<float>(live.log_weights), stream_);
  stream_.finish();
}

void CudaParameters::set_frozen(const Parameters& frozen) {
  frozen_centroids_.reserve(extents_.element_count());
  frozen_weights_.reserve(extents_.element_count());
  float* const logarithms = frozen_centroids_.data();  // until the centroids come
  copy_to_device(std::span<const float>(frozen.log_weights), logarithms, stream_);
  kernels::cuda::exponentiate(logarithms, extents_.element_count(), frozen_weights_.data(), stream_.get());
  copy_to_device(std::span<const float>(frozen.centroids), frozen_centroids_.data(), stream_);
  stream_.finish();
  outdate(frozen_packed_);
}

ParametersView<float> CudaParameters::live() const {
  return {centroids_.data(), weights_.data(), extents_.classes, extents_.steps, extents_.feature_dim};
}

const SearchParameters& CudaParameters::frozen_packed(PathPrecision precision) {
  return pack(
      {frozen_centroids_.data(), frozen_weights_.data(), extents_.classes, extents_.steps, extents_.feature_dim},
      precision, frozen_packed_);
}

const SearchParameters& CudaParameters::live_packed(PathPrecision precision) {
  return pack(live(), precision, live_packed_);
}

void CudaParameters::outdate(PackedCopies& copies) {
  for (PackedCopy& copy : copies) copy.up_to_date = false;
}

const SearchParameters& CudaParameters::pack(const ParametersView<float>& parameters, PathPrecision precision,
                                             PackedCopies& copies) {
  PackedCopy& copy = copies[static_cast<std::size_t>(precision)];
  if (!copy.up_to_date) {
    const kernels::cuda::SearchPrecision& search = kernels::cuda::search_precision(choice_name(precision));
    std::byte* const memory =
        copy.memory.reserve(search.parameter_bytes(extents_.classes, extents_.steps, extents_.feature_dim));
    copy.parameters = search.pack(parameters, memory, stream_.get());
    copy.up_to_date = true;
  }
  return copy.parameters;
}

}  // namespace alignment
