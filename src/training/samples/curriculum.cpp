#include "src/training/samples/curriculum.hpp"

#include "src/training/samples/schedule.hpp"

namespace alignment {

SampleCurriculum::SampleCurriculum(const io::TseStore& store, bool shuffle)
    : store_(store), shuffle_(shuffle), samples_(store.samples_of(io::Split::kTrain)) {}

std::vector<std::int64_t> SampleCurriculum::order(std::uint64_t seed, std::int64_t epoch) const {
  return epoch_order(samples_, shuffle_, seed, epoch);
}

}  // namespace alignment
