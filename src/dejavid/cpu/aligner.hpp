#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "io/store/sample_stream.hpp"
#include "kernels/along_path.hpp"
#include "kernels/quantized.hpp"
#include "kernels/warp.hpp"
#include "src/dejavid/aligner.hpp"
#include "src/dejavid/cpu/aligned_buffer.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

/// The arithmetic of alignment on the CPU: paths, distances along them, gradients along them. Holds the parameters in
/// the layouts that the kernels read and everything that they work in; nothing is allocated once the largest batch has
/// been seen.
class CpuAligner final : public Aligner {
 public:
  /// For models of the shape of `model`, whose parameters are not looked at.
  CpuAligner(Dataset& dataset, const Model& model, kernels::TieSign tie_sign, int threads);

  void start(std::vector<std::vector<std::int64_t>> batches, PathSource source,
             AlignerOutput wanted = AlignerOutput::kDistances) override;
  AlignedBatch next() override;

  /// Takes over the live parameters. Whatever changes them calls this again.
  void set_live(const Parameters& live);
  /// Takes over the epoch's frozen copy.
  void set_frozen(const Parameters& frozen);

  /// Paths of every sample of the batch to every class. The batch must live until the next call. `distances` [B,C]:
  /// the paths' own, by the parameters that they were searched with; or nullptr.
  void search_paths(const io::SampleBatch& batch, PathSource source, double* distances = nullptr);
  /// The same paths but for the precision of their costs (kernels/quantized.hpp). `source` kFrozen only after
  /// set_frozen().
  void search_quantized_paths(const io::SampleBatch& batch, PathSource source);
  /// [B,C] distances of the live parameters along the paths found last.
  [[nodiscard]] std::span<const double> distances();
  /// The batch's gradient sums; distance_gradient [B,C], `group` as in kernels::cpu::gradient_along_paths.
  void compute_gradient(std::span<const float> distance_gradient, std::int64_t group);

  /// What compute_gradient() found, to be added up over ranks before parameter_gradient().
  [[nodiscard]] std::span<double> gradient_sums() { return sums_.span(); }
  /// From the sums: dL/d centroids and dL/d log_weights, into arrays of their size. False where a number is not finite.
  [[nodiscard]] bool parameter_gradient(Parameters& gradient) const;

 private:
  [[nodiscard]] std::span<const std::int32_t> paths() const;
  /// One set of parameters as the path searches read it, packed when first asked for.
  struct SearchParameters {
    std::vector<float> centroids, weights;   ///< [C,K,F]
    bool packed = false, quantized = false;  ///< whether what follows is up to date
    AlignedBuffer<float> panels;             ///< as cost.hpp packs them
    AlignedBuffer<std::byte> bytes;          ///< as quantized.hpp packs them
    kernels::cpu::QuantizedParameters quantized_view;
  };
  SearchParameters& take_batch(const io::SampleBatch& batch, PathSource source);
  void take_over(const Parameters& given, SearchParameters& parameters) const;
  [[nodiscard]] kernels::ParametersView<float> view_of(const SearchParameters& parameters) const {
    return {parameters.centroids.data(), parameters.weights.data(), extents_.classes, extents_.steps,
            extents_.feature_dim};
  }
  [[nodiscard]] kernels::BlockedParameters live_blocks() const;
  [[nodiscard]] kernels::BlockedSamples batch_blocks() const;

  Dataset& dataset_;
  kernels::Extents extents_;
  bool diagonal_;
  kernels::TieSign tie_sign_;
  int threads_;
  PathSource source_ = PathSource::kLive;  ///< of the pass under way
  AlignerOutput wanted_ = AlignerOutput::kDistances;

  SearchParameters live_, frozen_;
  AlignedBuffer<float> live_centroid_blocks_, live_weight_blocks_;  ///< as blocks.hpp lays them out

  const io::SampleBatch* batch_ = nullptr;
  std::vector<SampleFeatures> features_;     ///< [B] of the pass under way
  AlignedBuffer<std::int32_t> breakpoints_;  ///< [B,C,K-1]
  AlignedBuffer<double> distances_;          ///< [B,C]
  AlignedBuffer<double> sums_;               ///< slope_sum and magnitude_sum, blocked [C*K,F] each
  AlignedBuffer<std::byte> workspace_;
};

}  // namespace alignment::dejavid
