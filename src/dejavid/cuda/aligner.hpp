#pragma once

#include <vector>

#include "kernels/along_path.hpp"
#include "src/dejavid/aligner.hpp"
#include "src/dejavid/cuda/batches.hpp"
#include "src/dejavid/cuda/parameters.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/gpu/memory.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

/// The arithmetic of alignment on the GPU: parameters, batches with their paths, distances along them. Training and
/// evaluation use the same one in turn.
///
/// next() asks the GPU for a whole group of batches at once, behind which the search of the group after is enqueued by
/// then: while the host looks at one group's distances and reads the one after the next, the GPU searches.
class CudaAligner final : public Aligner {
 public:
  /// `kept` and `wait` as in CudaBatches. Everything that uses batches happens in the order of `stream`.
  CudaAligner(Dataset& dataset, const Model& model, const std::vector<std::int64_t>& kept, CudaStream& stream,
              CudaBatches::Wait wait);

  /// Paths are searched in f32.
  void start(std::vector<std::vector<std::int64_t>> batches, PathSource source,
             AlignerOutput wanted = AlignerOutput::kDistances) override;
  AlignedBatch next() override;

  [[nodiscard]] CudaParameters& parameters() { return parameters_; }
  [[nodiscard]] CudaBatches& batches() { return batches_; }
  [[nodiscard]] const CudaPlan& plan() const { return batches_.plan(); }
  /// Multiprocessors of the GPU.
  [[nodiscard]] int processors() const { return processors_; }
  /// Room for the batches of the pass that has been started.
  void reserve();
  /// [B,C] distances of the live parameters along the batch's paths, in GPU memory: the batch's own where it has some,
  /// which must be of the live parameters then. At least one sample.
  [[nodiscard]] const double* distances(const CudaBatch& batch);
  /// The same in f16. `paths`: the batch, prepared.
  [[nodiscard]] const double* distances(const kernels::cuda::HalfPaths& paths);

 private:
  void ask_for_group(std::int64_t group);
  [[nodiscard]] std::int64_t path_size() const;

  const io::TseStore& store_;
  CudaStream& stream_;
  CudaBatches::Wait wait_;
  CudaParameters parameters_;
  CudaBatches batches_;
  std::int64_t part_count_, half_part_count_;  ///< as kernels::cuda::distance_parts(), half_distance_parts()
  int processors_;
  DeviceBuffer<float> parts_;
  DeviceBuffer<double> distances_;
  std::vector<CudaBatch> group_;  ///< the batches of the group at hand
  AlignerOutput wanted_ = AlignerOutput::kDistances;
  PinnedBuffer<double> host_distances_;    ///< of its samples
  PinnedBuffer<std::int32_t> host_paths_;  ///< of its samples, where they are wanted
  std::int64_t handed_out_ = 0;            ///< batches of the pass
  std::vector<SampleFeatures> features_;   ///< [B] of the batch handed out last
  CudaEvent arrived_;
};

}  // namespace alignment::dejavid
