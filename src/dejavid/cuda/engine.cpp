#include "src/dejavid/cuda/engine.hpp"

#include <algorithm>
#include <cmath>

#include "src/dejavid/config/config.hpp"
#include "src/job/fault_point.hpp"

namespace alignment::dejavid {
namespace {

/// Blocks of classes that gradients are summed over ranks in.
constexpr std::int64_t kClassBlocks = 4;

}  // namespace

CudaEngine::CudaEngine(const Config& config, dist::DeviceCommunicator& communicator, bool several_ranks,
                       Dataset& dataset, const Model& model, const std::vector<std::int64_t>& kept, PhaseClock& phases)
    : config_(config),
      communicator_(communicator),
      several_ranks_(several_ranks),
      dataset_(dataset),
      phases_(phases),
      tie_sign_(tie_sign_of(config.train.profile)),
      aligner_(dataset, model, kept, train_, [this](cudaEvent_t event) { wait(event); }) {
  const auto count = static_cast<std::size_t>(model.element_count());
  for (DeviceBuffer<float>& moment : moments_) {
    moment.reserve(count);
    check_cuda(cudaMemsetAsync(moment.data(), 0, count * sizeof(float), train_.get()), "cudaMemsetAsync");
  }
  gradient_sums_.reserve(2 * count);
  not_finite_.reserve(std::size_t{1});
  check_cuda(cudaMemsetAsync(not_finite_.data(), 0, sizeof(std::int32_t), train_.get()), "cudaMemsetAsync");
  for (Result& result : results_) result.not_finite.reserve(std::size_t{1});
  make_blocks();
}

CudaEngine::~CudaEngine() {
  communicator_.abort();                       // memory that a collective waits in cannot be freed,
  static_cast<void>(cudaDeviceSynchronize());  // nor host memory that a copy is on its way to
}

void CudaEngine::make_blocks() {
  const CudaParameters& parameters = aligner_.parameters();
  const std::int64_t per_class = 2 * parameters.extents().steps * parameters.extents().feature_dim;
  const std::int64_t wanted = several_ranks_ && communicator_.asynchronous() ? kClassBlocks : 1;
  const std::int64_t count = std::min(wanted, parameters.extents().classes);
  for (std::int64_t block = 0; block < count; ++block) {
    const std::int64_t first = parameters.extents().classes * block / count,
                       last = parameters.extents().classes * (block + 1) / count;
    blocks_.push_back(
        {{first, last - first},
         {gradient_sums_.data() + first * per_class, static_cast<std::size_t>((last - first) * per_class)},
         std::make_unique<CudaEvent>()});
  }
}

void CudaEngine::load(const Parameters& live) {
  aligner_.parameters().load(live);
}

void CudaEngine::load(const Moments& moments) {
  const std::array<const std::vector<float>*, 4> given{&moments.first.centroids, &moments.second.centroids,
                                                       &moments.first.log_weights, &moments.second.log_weights};
  for (std::size_t n = 0; n < given.size(); ++n) {
    if (!given[n]->empty()) copy_to_device(std::span<const float>(*given[n]), moments_[n].data(), train_);
  }
  train_.finish();
}

void CudaEngine::fetch(Parameters& live) {
  aligner_.parameters().fetch(live);
}

void CudaEngine::fetch(Moments& moments) {
  const std::array<std::vector<float>*, 4> wanted{&moments.first.centroids, &moments.second.centroids,
                                                  &moments.first.log_weights, &moments.second.log_weights};
  for (std::size_t n = 0; n < wanted.size(); ++n) {
    wanted[n]->resize(moments_[n].capacity());
    copy_to_host(moments_[n].data(), std::span<float>(*wanted[n]), train_);
  }
  train_.finish();
}

void CudaEngine::set_frozen(const Parameters& frozen) {
  aligner_.parameters().set_frozen(frozen);
}

void CudaEngine::start_epoch(std::vector<std::vector<std::int64_t>> batches) {
  if (config_.train.refresh == Refresh::kEpoch) {
    const SearchParameters& frozen = aligner_.parameters().frozen_packed(config_.train.path_precision);
    aligner_.batches().start(batches, &frozen);
  } else {
    const bool in_f32 = config_.train.path_precision == PathPrecision::kF32;
    aligner_.batches().start(batches, nullptr, in_f32 ? SearchOutput::kPathsAndDistances : SearchOutput::kPaths);
  }
  aligner_.reserve();
  std::int64_t most = 0;
  const bool half = config_.train.gradient_precision == GradientPrecision::kF16;
  const std::int64_t classes = aligner_.parameters().extents().classes, steps = aligner_.parameters().extents().steps;
  std::size_t workspace = 0, half_paths = 0;
  for (const SampleRun& batch : aligner_.plan().batches) {
    kernels::cuda::Samples extents;
    extents.count = batch.count;
    extents.total_steps = batch.total_steps;
    extents.longest = batch.longest;
    extents.feature_dim = aligner_.parameters().extents().feature_dim;
    most = std::max(most, batch.count);
    if (batch.count == 0) continue;
    workspace = std::max(
        workspace,
        half ? kernels::cuda::half_gradient_workspace_bytes(extents, classes, steps, aligner_.processors())
             : kernels::cuda::gradient_workspace_bytes(aligner_.parameters().live(), extents, aligner_.processors()));
    if (half) half_paths = std::max(half_paths, kernels::cuda::half_paths_bytes(extents, classes, steps));
  }
  half_paths_.reserve_with_spare(half_paths);
  gradient_workspace_.reserve_with_spare(workspace);
  distance_gradient_.reserve_with_spare(most * aligner_.parameters().extents().classes);
  losses_.reserve_with_spare(most);
  for (Result& result : results_) result.losses.reserve_with_spare(most);
}

void CudaEngine::compute(std::int64_t batch_samples) {
  CudaBatch batch;
  {
    const auto timer = phases_.time(Phase::kRead);
    batch = aligner_.batches().next();
  }
  Result& result = this->result(computed_);
  result.samples.assign(batch.indices.begin(), batch.indices.end());
  // 1. paths: searched ahead, unless they are to follow every update
  if (config_.train.refresh == Refresh::kBatch) {
    aligner_.batches().search(aligner_.parameters().live_packed(config_.train.path_precision));
  }
  // 2. distances along them with the live parameters, unless the search has met these, and the loss through the
  // normalisation
  const std::optional<kernels::cuda::HalfPaths> prepared = half_paths(batch);
  const kernels::cuda::HalfPaths* const half = prepared ? &*prepared : nullptr;
  if (batch.samples.count > 0) compute_loss(batch, half, batch_samples, result);
  // 3. gradient along them
  compute_gradient(batch, half);
  ++computed_;
  const auto timer = phases_.time(Phase::kRead);
  aligner_.batches().release();
}

std::optional<kernels::cuda::HalfPaths> CudaEngine::half_paths(const CudaBatch& batch) {
  if (config_.train.gradient_precision != GradientPrecision::kF16 || batch.samples.count == 0) return std::nullopt;
  // Scales of the epoch's frozen copy fit the live parameters as well; without one, those of the live ones.
  CudaParameters& parameters = aligner_.parameters();
  const SearchParameters scaling = config_.train.refresh == Refresh::kEpoch
                                       ? parameters.frozen_packed(PathPrecision::kF16)
                                       : parameters.live_packed(PathPrecision::kF16);
  return kernels::cuda::prepare_half_paths(std::get<kernels::cuda::HalfPackedParameters>(scaling), batch.samples,
                                           batch.breakpoints, half_paths_.data(), train_.get());
}

void CudaEngine::compute_loss(const CudaBatch& batch, const kernels::cuda::HalfPaths* half_paths,
                              std::int64_t batch_samples, Result& result) {
  const std::int64_t count = batch.samples.count;
  const double* const distances = half_paths == nullptr ? aligner_.distances(batch) : aligner_.distances(*half_paths);
  kernels::cuda::sample_losses(distances, batch.labels, count, aligner_.parameters().extents().classes,
                               config_.train.loss_rule(), 1 / static_cast<double>(batch_samples), losses_.data(),
                               distance_gradient_.data(), train_.get());
  copy_to_host(losses_.data(), std::span(result.losses.data(), static_cast<std::size_t>(count)), train_);
}

void CudaEngine::compute_gradient(const CudaBatch& batch, const kernels::cuda::HalfPaths* half_paths) {
  for (const ClassBlock& block : blocks_) {
    if (half_paths != nullptr) {
      kernels::cuda::gradient_along_paths(aligner_.parameters().live(), *half_paths, distance_gradient_.data(),
                                          tie_sign_, block.classes, gradient_sums_.data(), gradient_workspace_.data(),
                                          aligner_.processors(), train_.get());
    } else if (batch.samples.count > 0) {
      kernels::cuda::gradient_along_paths(aligner_.parameters().live(), batch.samples, batch.breakpoints,
                                          distance_gradient_.data(), tie_sign_, block.classes, gradient_sums_.data(),
                                          gradient_workspace_.data(), aligner_.processors(), train_.get());
    } else {
      check_cuda(cudaMemsetAsync(block.sums.data(), 0, block.sums.size_bytes(), train_.get()), "cudaMemsetAsync");
    }
    train_.record(*block.computed);
  }
}

void CudaEngine::apply(const kernels::UpdateRates& rates) {
  communicator_.set_step(rates.step - 1);
  {
    const auto timer = phases_.time(Phase::kReduce);
    fault_point(FaultPoint::kGradient, rates.step - 1);
    sum_over_ranks();
    fault_point(FaultPoint::kUpdate, rates.step - 1);
  }
  // 4. update, the same on every rank
  CudaParameters& parameters = aligner_.parameters();
  kernels::cuda::check_finite(gradient_sums_.data(), 2 * parameters.extents().element_count(), not_finite_.data(),
                              train_.get());
  kernels::cuda::update_parameters(gradient_sums_.data(), parameters.extents().classes, parameters.extents().steps,
                                   parameters.extents().feature_dim,
                                   {parameters.centroids(), moments_[0].data(), moments_[1].data()},
                                   {parameters.log_weights(), moments_[2].data(), moments_[3].data()},
                                   parameters.weights(), parameters.spread(), rates, not_finite_.data(), train_.get());
  parameters.changed();
  Result& result = this->result(applied_);
  copy_to_host(not_finite_.data(), std::span(result.not_finite.data(), 1), train_);
  train_.record(result.arrived);
  ++applied_;
}

void CudaEngine::sum_over_ranks() {
  if (!communicator_.asynchronous()) {
    communicator_.all_reduce({gradient_sums_.data(), gradient_sums_.capacity()}, train_.get());
    return;
  }
  for (const ClassBlock& block : blocks_) {
    communication_.wait(*block.computed);
    communicator_.all_reduce(block.sums, communication_.get());
  }
  communication_.record(summed_);
  train_.wait(summed_);
}

std::int64_t CudaEngine::steps_between_agreements() const {
  return several_ranks_ && !communicator_.asynchronous() ? 1 : aligner_.plan().group_size;
}

std::vector<StepTotals> CudaEngine::collect() {
  std::vector<StepTotals> totals;
  if (collected_ == applied_) return totals;
  const auto timer = phases_.time(Phase::kUpdate);
  wait(result(applied_ - 1).arrived.get());
  for (; collected_ < applied_; ++collected_) totals.push_back(totals_of(result(collected_)));
  return totals;
}

void CudaEngine::wait(cudaEvent_t event) {
  const dist::Deadline deadline = waiting_for_gpu();
  communicator_.wait(event);
}

StepTotals CudaEngine::totals_of(const Result& result) const {
  StepTotals totals{.sums = {0, 0}};
  for (std::size_t b = 0; b < result.samples.size(); ++b) {
    const kernels::SampleLoss& sample = result.losses.data()[b];
    totals.sums[kTrainLoss] += sample.loss;
    totals.sums[kTrainTop1] += sample.prediction == dataset_.store.label(result.samples[b]) ? 1 : 0;
    if (totals.first_not_finite < 0 && !std::isfinite(sample.loss)) totals.first_not_finite = result.samples[b];
  }
  totals.refused = *result.not_finite.data() != 0;
  return totals;
}

}  // namespace alignment::dejavid
