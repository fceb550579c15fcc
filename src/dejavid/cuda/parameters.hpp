#pragma once

#include <array>
#include <vector>

#include "kernels/search_precision.hpp"
#include "kernels/tensors.hpp"
#include "kernels/update.hpp"
#include "src/dejavid/config/choices.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/gpu/memory.hpp"

namespace alignment::dejavid {

using kernels::cuda::SearchParameters;

/// A model's parameters in GPU memory, in the layouts that the kernels read: the live ones and the epoch's frozen copy.
/// Everything happens in the order of one stream, which must outlive it.
class CudaParameters {
 public:
  /// Parameters as `model` has them.
  CudaParameters(const Model& model, CudaStream& stream);

  // These three wait for the stream.
  void load(const Parameters& live);
  void fetch(Parameters& live) const;
  /// Takes over the epoch's frozen copy.
  void set_frozen(const Parameters& frozen);

  [[nodiscard]] kernels::ParametersView<float> live() const;
  // Packed where they have changed since the last time.
  [[nodiscard]] const SearchParameters& frozen_packed(PathPrecision precision);
  [[nodiscard]] const SearchParameters& live_packed(PathPrecision precision);

  /// For the update, which keeps the weights up to date. It makes what is packed old.
  [[nodiscard]] float* centroids() { return centroids_.data(); }
  [[nodiscard]] float* log_weights() { return log_weights_.data(); }
  [[nodiscard]] float* weights() { return weights_.data(); }
  /// [F] what steps are measured in, or nullptr.
  [[nodiscard]] const float* spread() const { return spread_.data(); }
  void changed() { outdate(live_packed_); }

  [[nodiscard]] const kernels::Extents& extents() const { return extents_; }

 private:
  /// A copy in the layout of a path search, made when it is first asked for.
  struct PackedCopy {
    DeviceBuffer<std::byte> memory;
    SearchParameters parameters;
    bool up_to_date = false;
  };
  using PackedCopies = std::array<PackedCopy, kChoiceNames<PathPrecision>.size()>;  ///< one a precision
  static void outdate(PackedCopies& copies);
  [[nodiscard]] const SearchParameters& pack(const kernels::ParametersView<float>& parameters, PathPrecision precision,
                                             PackedCopies& copies);

  CudaStream& stream_;
  kernels::Extents extents_;
  DeviceBuffer<float> centroids_, log_weights_, weights_;  ///< live, [C,K,F]
  DeviceBuffer<float> spread_;                             ///< [F], or empty
  DeviceBuffer<float> frozen_centroids_, frozen_weights_;  ///< [C,K,F], only to be packed
  PackedCopies live_packed_, frozen_packed_;
};

}  // namespace alignment::dejavid
