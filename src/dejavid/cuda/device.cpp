#include "src/dejavid/cuda/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "dist/device_communicator.hpp"
#include "src/config/error.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/cuda/engine.hpp"
#include "src/dejavid/model/data_settings.hpp"
#include "src/gpu/memory.hpp"
#include "src/job/agreed.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment::dejavid {
namespace {

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

void wait_for(cudaEvent_t event) {
  const dist::Deadline deadline = waiting_for_gpu();
  check_cuda(cudaEventSynchronize(event), "cudaEventSynchronize");
}

/// An aligner with a stream of its own.
class StandaloneAligner final : public Aligner {
 public:
  StandaloneAligner(Dataset& dataset, const Model& model) : aligner_(dataset, model, {}, stream_, wait_for) {}

  void start(std::vector<std::vector<std::int64_t>> batches, PathSource source, AlignerOutput wanted) override {
    aligner_.start(std::move(batches), source, wanted);
  }
  AlignedBatch next() override { return aligner_.next(); }

 private:
  CudaStream stream_{StreamPriority::kHighest};
  CudaAligner aligner_;
};

class CudaDevice final : public Device {
 public:
  CudaDevice(const Config& config, dist::Communicator& communicator, const GpuDescription& gpu, GradientBackend backend,
             int ranks_on_gpu)
      : config_(config), communicator_(communicator), gpu_(gpu), backend_(backend), ranks_on_gpu_(ranks_on_gpu) {
    check_cuda(cudaSetDevice(gpu.index), "cudaSetDevice");
    limit_waits_for_gpu(config.dist.timeout());
  }

  [[nodiscard]] std::string describe() const override {
    return fmt::format("cuda ({}, {:.0f} GiB): {} rank{}, backend {}", gpu_.name,
                       static_cast<double>(gpu_.memory_bytes) / kGibibyte, communicator_.size().value,
                       communicator_.size().value == 1 ? "" : "s", backend_name());
  }

  [[nodiscard]] bool is_gpu() const override { return true; }
  [[nodiscard]] const io::SampleLayout* layout() const override { return nullptr; }
  [[nodiscard]] std::string backend_name() const override {
    if (backend_ == GradientBackend::kNone) return "none";
    return backend_ == GradientBackend::kNccl ? "nccl" : "mpi";
  }

  [[nodiscard]] std::int64_t peak_bytes() const override { return device_memory().peak; }

  [[nodiscard]] std::vector<CollectiveCheck> check() override;
  [[nodiscard]] std::vector<std::int64_t> samples_to_keep(const io::TseStore& store) override;
  [[nodiscard]] ReductionTime time_reduction(std::int64_t parameters) override;
  [[nodiscard]] std::unique_ptr<Engine> make_engine(Dataset& dataset, const Model& model, PhaseClock& phases,
                                                    GradientSum sum) override;

  [[nodiscard]] std::unique_ptr<Aligner> make_aligner(Dataset& dataset, const Model& model) override {
    return std::make_unique<StandaloneAligner>(dataset, model);
  }

 private:
  [[nodiscard]] std::vector<std::int64_t> samples_that_come_by(const io::TseStore& store) const;
  [[nodiscard]] std::int64_t reserve_bytes(const io::TseStore& store, std::int64_t total_bytes) const;
  void connect();

  const Config& config_;
  dist::Communicator& communicator_;
  GpuDescription gpu_;
  GradientBackend backend_;
  int ranks_on_gpu_;
  std::unique_ptr<dist::DeviceCommunicator> gradients_;  ///< nullptr until connect()
  std::unique_ptr<dist::DeviceCommunicator> alone_ =
      dist::make_self_device_communicator();  ///< for engines that leave other ranks out
};

/// Collective. Once.
void CudaDevice::connect() {
  agreed(communicator_, [&] {  // it is set up, or refused, on all ranks alike
    if (gradients_) return;
    const std::chrono::duration<double> timeout(config_.dist.timeout_s);
    if (backend_ == GradientBackend::kNone) gradients_ = dist::make_self_device_communicator();
    if (backend_ == GradientBackend::kStaged) gradients_ = dist::make_staged_device_communicator(communicator_);
    if (backend_ == GradientBackend::kNccl) gradients_ = dist::make_nccl_device_communicator(communicator_, timeout);
  });
}

std::vector<CollectiveCheck> CudaDevice::check() {
  connect();
  constexpr std::size_t kCount = 100'003;
  const auto known = [](int rank, std::size_t index) {  // sums of whole numbers are exact
    return static_cast<float>((static_cast<std::size_t>(rank) + index) % 3);
  };
  std::vector<float> values(kCount), expected(kCount);
  for (std::size_t index = 0; index < kCount; ++index) {
    values[index] = known(communicator_.rank().value, index);
    for (int rank = 0; rank < communicator_.size().value; ++rank) expected[index] += known(rank, index);
  }
  agreed(communicator_, [&] {
    CudaStream stream;
    CudaEvent arrived;
    DeviceBuffer<float> on_gpu;
    copy_to_device(std::span<const float>(values), on_gpu.reserve(kCount), stream);
    gradients_->all_reduce({on_gpu.data(), kCount}, stream.get());
    stream.record(arrived);
    gradients_->wait(arrived.get());
    copy_to_host(on_gpu.data(), std::span<float>(values), stream);
    stream.finish();
  });
  return {{fmt::format("all_reduce sum in GPU memory ({})", backend_name()), values == expected}};
}

/// The training samples, which every rank comes by, and this rank's share of the validation's.
std::vector<std::int64_t> CudaDevice::samples_that_come_by(const io::TseStore& store) const {
  std::vector<std::int64_t> samples = store.samples_of(io::Split::kTrain);
  const std::vector<std::int64_t> validation = labelled(store, choose_split(store, config_.eval.split)).samples;
  const Share share =
      share_of(static_cast<std::int64_t>(validation.size()), 1, communicator_.rank(), communicator_.size());
  samples.insert(samples.end(), validation.begin() + share.first, validation.begin() + share.last);
  return samples;
}

/// What training needs beside kept features: parameters, moments and gradients, packed copies, and some for batches.
std::int64_t CudaDevice::reserve_bytes(const io::TseStore& store, std::int64_t total_bytes) const {
  constexpr std::int64_t kParameterArrays = 20;
  const std::int64_t parameters = store.class_count() * steps_of(config_, store) * feature_dim_of(config_, store);
  return kParameterArrays * parameters * static_cast<std::int64_t>(sizeof(float)) +
         std::min(total_bytes / 4, std::int64_t{4} << 30U);
}

std::vector<std::int64_t> CudaDevice::samples_to_keep(const io::TseStore& store) {
  const CacheChoice choice = config_.data.cache;
  if (choice == CacheChoice::kMemory || choice == CacheChoice::kNone) return {};
  std::vector<std::int64_t> samples = samples_that_come_by(store);
  std::int64_t wanted = 0, room = 0;
  agreed(communicator_, [&] {
    std::int64_t rows = 0;
    for (const std::int64_t sample : samples) rows += store.length(sample);
    const bool halves = store.has_half_precision() && !config_.samples.slope;
    const auto type = halves ? kernels::cuda::FeatureType::kFloat16 : kernels::cuda::FeatureType::kFloat32;
    wanted = rows * kernels::cuda::feature_stride(feature_dim_of(config_, store)) * kernels::cuda::feature_bytes(type);
    std::size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    room = static_cast<std::int64_t>(free) / ranks_on_gpu_ - reserve_bytes(store, static_cast<std::int64_t>(total));
    if (choice == CacheChoice::kDevice && wanted > room) {
      throw ConfigError(
          fmt::format("data.cache: found \"device\", but the features take {:.1f} GiB; expected at most the {:.1f} GiB "
                      "that {} leaves "
                      "them beside training; use \"auto\", \"memory\" or \"none\", or more GPUs",
                      static_cast<double>(wanted) / kGibibyte,
                      static_cast<double>(std::max(room, std::int64_t{0})) / kGibibyte, gpu_.name));
    }
  });
  const bool fits = dist::on_all_ranks(communicator_, wanted <= room);
  log_info(fits ? fmt::format("features: {:.2f} GiB, kept in GPU memory", static_cast<double>(wanted) / kGibibyte)
                : fmt::format("features: {:.2f} GiB would not fit into GPU memory beside training, so they are "
                              "uploaded every epoch",
                              static_cast<double>(wanted) / kGibibyte));
  if (!fits) samples.clear();
  return samples;
}

ReductionTime CudaDevice::time_reduction(std::int64_t parameters) {
  connect();
  const auto count = 2 * static_cast<std::size_t>(parameters);
  ReductionTime time{static_cast<std::int64_t>(count * sizeof(float)), 0};
  CudaStream stream;
  CudaEvent summed;
  DeviceBuffer<float> sums;
  agreed(communicator_, [&] {
    check_cuda(cudaMemsetAsync(sums.reserve(count), 0, count * sizeof(float), stream.get()), "cudaMemsetAsync");
    stream.finish();
  });
  communicator_.barrier();
  agreed(communicator_, [&] {
    const auto start = std::chrono::steady_clock::now();
    gradients_->all_reduce({sums.data(), count}, stream.get());
    stream.record(summed);
    gradients_->wait(summed.get());
    time.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  });
  communicator_.all_reduce(std::span(&time.seconds, 1), dist::Reduction::kMax);
  return time;
}

std::unique_ptr<Engine> CudaDevice::make_engine(Dataset& dataset, const Model& model, PhaseClock& phases,
                                                GradientSum sum) {
  connect();
  const bool over_ranks = sum == GradientSum::kOverRanks && communicator_.size().value > 1;
  dist::DeviceCommunicator& gradients = over_ranks ? *gradients_ : *alone_;
  std::unique_ptr<Engine> engine;
  agreed(communicator_, [&] {
    engine = std::make_unique<CudaEngine>(config_, gradients, over_ranks, dataset, model, dataset.needs.kept_elsewhere,
                                          phases);
  });
  return engine;
}

}  // namespace

std::unique_ptr<Device> make_cuda_device(const Config& config, dist::Communicator& communicator,
                                         const GpuDescription& gpu, GradientBackend backend, int ranks_on_gpu) {
  return std::make_unique<CudaDevice>(config, communicator, gpu, backend, ranks_on_gpu);
}

}  // namespace alignment::dejavid
