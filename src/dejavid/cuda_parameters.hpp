#pragma once

#include <vector>

#include "kernels/cost.hpp"
#include "kernels/tensors.hpp"
#include "kernels/update.hpp"
#include "src/dejavid/cuda_memory.hpp"
#include "src/dejavid/model.hpp"

namespace dejavid {

/// A model's parameters in GPU memory, in the layouts that the kernels read: the live ones and the epoch's frozen copy.
/// Everything happens in the order of one stream, which must outlive it.
class CudaParameters {
 public:
  /// Parameters as `model` has them.
  CudaParameters(const Model& model, CudaStream& stream);

  // These three wait for the stream.
  void load(const Model& model);
  void fetch(Model& model) const;
  /// Takes over the epoch's frozen copy, [C,K,F] each.
  void set_frozen(const std::vector<float>& centroids, const std::vector<float>& log_weights);

  [[nodiscard]] kernels::ParametersView<float> live() const;
  [[nodiscard]] kernels::PackedParameters frozen() const { return packed(frozen_packed_); }
  /// The live parameters, packed anew where they have changed since the last time.
  [[nodiscard]] kernels::PackedParameters live_packed();

  /// For the update, which keeps the weights up to date. It makes what is packed old.
  [[nodiscard]] float* centroids() { return centroids_.data(); }
  [[nodiscard]] float* log_weights() { return log_weights_.data(); }
  [[nodiscard]] float* weights() { return weights_.data(); }
  void changed() { live_packed_ready_ = false; }

  [[nodiscard]] std::int64_t classes() const { return classes_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  [[nodiscard]] std::int64_t feature_dim() const { return feature_dim_; }
  [[nodiscard]] std::int64_t count() const { return classes_ * steps_ * feature_dim_; }

 private:
  [[nodiscard]] kernels::PackedParameters packed(const DeviceBuffer<float>& data) const {
    return {data.data(), classes_, steps_, feature_dim_};
  }

  CudaStream& stream_;
  std::int64_t classes_, steps_, feature_dim_;
  DeviceBuffer<float> centroids_, log_weights_, weights_;  ///< live, [C,K,F]
  DeviceBuffer<float> frozen_centroids_, frozen_weights_;  ///< [C,K,F], only to be packed
  DeviceBuffer<float> live_packed_, frozen_packed_;
  bool live_packed_ready_ = false;
};

}  // namespace dejavid
