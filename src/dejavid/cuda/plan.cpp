#include "src/dejavid/cuda/plan.hpp"

#include <algorithm>
#include <stdexcept>

namespace alignment::dejavid {
namespace {

/// The run of `count` samples from `first` on, its offsets appended to the plan's.
SampleRun add_run(CudaPlan& plan, const io::TseStore& store, std::int64_t first, std::int64_t count) {
  SampleRun run{first, count, 0, 0, static_cast<std::int64_t>(plan.offsets.size())};
  plan.offsets.push_back(0);
  for (std::int64_t n = first; n < first + count; ++n) {
    const std::int64_t length = store.length(plan.samples[static_cast<std::size_t>(n)]);
    run.total_steps += length;
    run.longest = std::max(run.longest, length);
    plan.offsets.push_back(static_cast<std::int32_t>(run.total_steps));
  }
  return run;
}

/// The largest number of batches, so that every group keeps to the limit; at least 1.
std::int64_t choose_group_size(const CudaPlan& plan, const io::TseStore& store, const PlanLimits& limits) {
  std::vector<std::int64_t> bytes;
  for (std::size_t b = 0; b < plan.batches.size(); ++b) {
    std::int64_t uploaded_rows = 0;
    for (const std::int64_t sample : plan.missing[b]) uploaded_rows += store.length(sample);
    bytes.push_back(uploaded_rows * store.feature_dim() * limits.feature_bytes +
                    plan.batches[b].count * limits.path_bytes);
  }
  for (std::int64_t size = kMostBatchesInGroup; size > 1; --size) {
    std::int64_t most = 0;
    for (std::size_t first = 0; first < bytes.size(); first += static_cast<std::size_t>(size)) {
      std::int64_t sum = 0;
      for (std::size_t b = first; b < std::min(first + static_cast<std::size_t>(size), bytes.size()); ++b)
        sum += bytes[b];
      most = std::max(most, sum);
    }
    if (most <= limits.group_samples_bytes) return size;
  }
  return 1;
}

/// Cuts consecutive samples into as few pieces of the last group as may be.
void cut(CudaPlan& plan, const io::TseStore& store, std::int64_t first, std::int64_t last, const PlanLimits& limits) {
  std::vector<SampleRun>& pieces = plan.pieces.back();
  kernels::cuda::Samples extents;
  std::int64_t begin = first;
  for (std::int64_t n = first; n < last; ++n) {
    const std::int64_t length = store.length(plan.samples[static_cast<std::size_t>(n)]);
    ++extents.count;
    extents.total_steps += length;
    extents.longest = std::max(extents.longest, length);
    if (n > begin && !limits.fits(extents)) {
      pieces.push_back(add_run(plan, store, begin, n - begin));
      begin = n;
      extents.count = 1;
      extents.total_steps = extents.longest = length;
    }
  }
  if (begin < last) pieces.push_back(add_run(plan, store, begin, last - begin));
}

/// Where each sample lies that is not kept.
void place_in_turn(CudaPlan& plan, const io::TseStore& store) {
  const std::int64_t place_rows = largest_group_rows(plan);
  for (std::int64_t group = 0; group < plan.group_count(); ++group) {
    std::int64_t row = group % 2 * place_rows;
    for (std::int64_t n = plan.first_sample(group); n < plan.first_sample(group + 1); ++n) {
      plan.rows[static_cast<std::size_t>(n)] = row;
      row += store.length(plan.samples[static_cast<std::size_t>(n)]);
    }
  }
}

}  // namespace

std::int64_t CudaPlan::last_batch(std::int64_t group) const {
  return std::min(first_batch(group + 1), batch_count());
}

std::int64_t CudaPlan::first_sample(std::int64_t group) const {
  return group == group_count() ? static_cast<std::int64_t>(samples.size())
                                : batches[static_cast<std::size_t>(first_batch(group))].first;
}

CudaPlan make_plan(const io::TseStore& store, const std::vector<std::vector<std::int64_t>>& batches,
                   const std::vector<std::int64_t>& kept_rows, const std::vector<bool>& present,
                   const PlanLimits& limits) {
  CudaPlan plan;
  for (const std::vector<std::int64_t>& batch : batches) {
    const auto first = static_cast<std::int64_t>(plan.samples.size());
    plan.missing.emplace_back();
    for (const std::int64_t sample : batch) {
      const auto at = static_cast<std::size_t>(sample);
      if (!kept_rows.empty() && kept_rows[at] < 0) throw std::logic_error("a sample without a place in GPU memory");
      plan.samples.push_back(sample);
      plan.labels.push_back(store.label(sample));
      plan.rows.push_back(kept_rows.empty() ? 0 : kept_rows[at]);
      if (kept_rows.empty() || !present[at]) plan.missing.back().push_back(sample);
    }
    plan.batches.push_back(add_run(plan, store, first, static_cast<std::int64_t>(batch.size())));
  }
  plan.group_size = choose_group_size(plan, store, limits);
  const std::int64_t groups = (plan.batch_count() + plan.group_size - 1) / plan.group_size;
  for (std::int64_t group = 0; group < groups; ++group) {
    plan.pieces.emplace_back();
    const std::int64_t together = limits.pieces_within_batches ? 1 : plan.group_size;
    for (std::int64_t b = plan.first_batch(group); b < plan.last_batch(group); b += together) {
      const SampleRun& last = plan.batches[static_cast<std::size_t>(std::min(b + together, plan.batch_count()) - 1)];
      const std::int64_t first = plan.batches[static_cast<std::size_t>(b)].first;
      cut(plan, store, first, last.first + last.count, limits);
    }
  }
  if (kept_rows.empty()) place_in_turn(plan, store);
  return plan;
}

std::int64_t largest_group_rows(const CudaPlan& plan) {
  std::int64_t most = 0;
  for (const std::vector<SampleRun>& pieces : plan.pieces) {
    std::int64_t rows = 0;
    for (const SampleRun& piece : pieces) rows += piece.total_steps;
    most = std::max(most, rows);
  }
  return most;
}

}  // namespace alignment::dejavid
