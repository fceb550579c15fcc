#pragma once

#include "src/dejavid/device.hpp"
#include "src/dejavid/sample_features.hpp"

namespace alignment::dejavid {

struct Config;

/// The CPU's cores.
class CpuDevice final : public Device {
 public:
  CpuDevice(const Config& config, dist::Communicator& communicator, int threads);

  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] bool is_gpu() const override { return false; }
  [[nodiscard]] const io::SampleLayout* layout() const override;
  [[nodiscard]] std::string backend_name() const override { return communicator_.backend_name(); }
  [[nodiscard]] std::int64_t peak_bytes() const override { return 0; }
  [[nodiscard]] std::vector<CollectiveCheck> check() override { return {}; }
  [[nodiscard]] std::vector<std::int64_t> samples_to_keep(const io::TseStore& /*store*/) override { return {}; }
  [[nodiscard]] ReductionTime time_reduction(std::int64_t parameters) override;
  [[nodiscard]] std::unique_ptr<Engine> make_engine(Dataset& dataset, const Model& model, PhaseClock& phases,
                                                    GradientSum sum) override;
  [[nodiscard]] std::unique_ptr<Aligner> make_aligner(Dataset& dataset, const Model& model) override;

 private:
  const Config& config_;
  dist::Communicator& communicator_;
  std::unique_ptr<dist::Communicator> alone_;  ///< for engines that leave other ranks out
  int threads_;
};

}  // namespace alignment::dejavid
