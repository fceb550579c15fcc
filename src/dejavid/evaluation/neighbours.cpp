#include "src/dejavid/evaluation/neighbours.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "kernels/dependent_dtw.hpp"
#include "kernels/parallel.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/cpu/aligned_buffer.hpp"
#include "src/job/agreed.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/share_progress.hpp"
#include "src/job/signals/signals.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment::dejavid {
namespace {

using kernels::cpu::TableSide;
using Samples = std::span<const std::int64_t>;

/// Numbers of samples that are held packed at a time, of each side of the tables: 256 MiB.
constexpr std::int64_t kMostHeld = 256LL * 1024 * 1024 / sizeof(double);

/// Some samples in memory, packed for one side of the tables.
class PackedSamples {
 public:
  PackedSamples(const io::TseStore& store, TableSide side) : side_(side), width_(store.feature_dim()) {}

  /// Reads samples from the front of `samples`, as many as may be held and at least one, and takes them off it.
  void read_from(Samples& samples, io::TseStore& store, std::chrono::duration<double> timeout) {
    offsets_.assign(1, 0);
    lengths_.clear();
    std::size_t count = 0;
    for (; count < samples.size(); ++count) {
      const std::int64_t length = store.length(samples[count]);
      const std::int64_t end = offsets_.back() + kernels::cpu::packed_sequence_count(length, width_, side_);
      if (count > 0 && end > kMostHeld) break;
      offsets_.push_back(end);
      lengths_.push_back(length);
    }
    samples_ = samples.first(count);
    samples = samples.subspan(count);
    double* const packed = numbers_.reserve(offsets_.back());
    for (std::size_t n = 0; n < count; ++n) {
      rows_.resize(static_cast<std::size_t>(lengths_[n] * width_));
      const dist::Deadline deadline = waiting_for_files("a read of the store", timeout);
      store.read_sample(samples_[n], rows_.data());
      kernels::cpu::pack_sequence({rows_.data(), lengths_[n], width_}, side_, packed + offsets_[n]);
    }
  }

  [[nodiscard]] Samples samples() const { return samples_; }
  [[nodiscard]] kernels::cpu::PackedSequence operator[](std::size_t n) const {
    return {numbers_.data() + offsets_[n], lengths_[n], width_};
  }

 private:
  TableSide side_;
  std::int64_t width_;
  Samples samples_;
  std::vector<std::int64_t> offsets_, lengths_;
  std::vector<float> rows_;
  AlignedBuffer<double> numbers_;
};

struct Nearest {
  double cost = std::numeric_limits<double>::infinity();
  std::int64_t sample = -1;
};

/// Looks through some training samples, which come in ascending order, for one that is nearer: an equal one is not.
/// Returns the cells that were computed.
std::int64_t look_through(const PackedSamples& training, std::int64_t sample,
                          const kernels::cpu::PackedSequence& sequence, std::byte* workspace, Nearest& nearest) {
  std::int64_t cells = 0;
  for (std::size_t m = 0; m < training.samples().size(); ++m) {
    const std::int64_t other = training.samples()[m];
    if (other == sample) continue;
    const kernels::cpu::DependentDtw found =
        kernels::cpu::dependent_dtw(sequence, training[m], nearest.cost, workspace);
    cells += found.cells;
    if (found.cost < nearest.cost) nearest = {found.cost, other};
  }
  return cells;
}

}  // namespace

Neighbours find_neighbours(io::TseStore& store, const std::vector<std::int64_t>& samples,
                           const std::vector<std::int64_t>& training, const Config& config, int threads,
                           dist::Communicator& communicator) {
  const Share share = share_of(static_cast<std::int64_t>(samples.size()), 1, communicator.rank(), communicator.size());
  Progress progress = progress_of_share(communicator, config.run.progress, "nearest neighbours",
                                        (share.last - share.first) * std::ssize(training), "pairs");
  Neighbours found;
  found.nearest.assign(samples.size(), 0);  // those of other ranks are added to it
  agreed(communicator, [&] {
    std::int64_t longest = 0;
    for (const std::int64_t sample : training) longest = std::max(longest, store.length(sample));
    const auto bytes = static_cast<std::int64_t>(kernels::cpu::dependent_dtw_workspace_bytes(longest));
    AlignedBuffer<std::byte> workspace;
    workspace.reserve(threads * bytes);
    const auto timeout = config.dist.timeout();
    PackedSamples mine(store, TableSide::kRows), others(store, TableSide::kColumns);
    Samples to_come(samples.data() + share.first, static_cast<std::size_t>(share.last - share.first));
    std::int64_t* next = found.nearest.data() + share.first;
    while (!to_come.empty()) {
      mine.read_from(to_come, store, timeout);
      const auto count = static_cast<std::int64_t>(mine.samples().size());
      std::vector<Nearest> nearest(mine.samples().size());
      std::vector<std::int64_t> cells(mine.samples().size());
      for (Samples candidates(training); !candidates.empty();) {
        others.read_from(candidates, store, timeout);
        // Between rounds rank 0 shows how far it is.
        const std::int64_t round = 16LL * threads;
        for (std::int64_t first = 0; first < count; first += round) {
          throw_if_asked_to_stop();
          const std::int64_t here = std::min(round, count - first);
          kernels::cpu::parallel_for(threads, here, 1, [&](std::int64_t k, int thread) {
            const auto n = static_cast<std::size_t>(first + k);
            cells[n] += look_through(others, mine.samples()[n], mine[n], workspace.data() + thread * bytes, nearest[n]);
          });
          progress.advance(here * static_cast<std::int64_t>(others.samples().size()));
        }
      }
      for (std::size_t n = 0; n < nearest.size(); ++n) {
        *next++ = nearest[n].sample;
        found.cells += cells[n];
      }
    }
  });
  progress.finish();
  communicator.all_reduce(std::span(found.nearest), dist::Reduction::kSum);
  communicator.all_reduce(std::span(&found.cells, 1), dist::Reduction::kSum);
  return found;
}

}  // namespace alignment::dejavid
