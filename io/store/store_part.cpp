#include "io/store/store_part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "io/bytes/digest.hpp"
#include "io/errors.hpp"

namespace alignment::io {
namespace {

/// The position of the first value that is NaN, infinite or beyond the limit; `count` where there is none.
std::size_t first_unusable(const float* values, std::size_t count, float limit) {
  std::uint32_t largest = 0;  // of NaN and infinity too; without an early exit, so that it is vector code
  for (std::size_t n = 0; n < count; ++n)
    largest = std::max(largest, std::bit_cast<std::uint32_t>(values[n]) & 0x7FFFFFFFU);
  if (largest <= std::bit_cast<std::uint32_t>(limit)) return count;
  return static_cast<std::size_t>(
      std::find_if(values, values + count, [limit](float value) { return !(std::fabs(value) <= limit); }) - values);
}

}  // namespace

std::uint64_t StoreIndex::digest() const {
  Digest digest;
  digest.add(feature_dim);
  for (const auto& name : class_names) digest.add(name);
  digest.add(offsets);
  digest.add(labels);
  digest.add(splits);
  for (const auto& id : ids) digest.add(id);
  digest.add(digests);
  digest.add(encoder);
  digest.add(source);
  if (logits > 0) digest.add(logits);
  return digest.value();
}

void StorePart::set_index(StoreIndex index) {
  index_ = std::move(index);
  checked_.assign(index_.labels.size(), false);
}

std::int64_t StorePart::length(std::int64_t sample) const {
  const auto n = static_cast<std::size_t>(sample);
  return index_.offsets[n + 1] - index_.offsets[n];
}

std::size_t StorePart::element_count(std::int64_t sample) const {
  return static_cast<std::size_t>(length(sample) * index_.feature_dim);
}

void StorePart::read_sample(std::int64_t sample, float* destination) {
  read_content(sample, destination);
  require_finite(sample, destination);
}

void StorePart::require_finite(std::int64_t sample, const float* values) {
  if (checked_[static_cast<std::size_t>(sample)]) return;
  if (const auto bad = find_not_finite(sample, values)) {
    throw NotFiniteError(fmt::format("{}: found {} at step {}, feature {}; expected finite numbers; {}",
                                     describe(sample), bad->value, bad->step, bad->feature, mending()));
  }
  checked_[static_cast<std::size_t>(sample)] = true;
}

std::optional<NotFinite> StorePart::find_not_finite(std::int64_t sample) {
  values_.resize(element_count(sample));
  read_content(sample, values_.data());
  const auto bad = find_not_finite(sample, values_.data());
  if (!bad) checked_[static_cast<std::size_t>(sample)] = true;
  return bad;
}

std::optional<NotFinite> StorePart::find_not_finite(std::int64_t sample, const float* values) const {
  const std::size_t count = element_count(sample);
  const auto at = first_unusable(values, count, largest_feature_);
  if (at == count) return {};
  const auto step = static_cast<std::int64_t>(at) / index_.feature_dim;
  const auto feature = static_cast<std::int64_t>(at) % index_.feature_dim;
  if (std::isfinite(values[at])) {
    throw NotFiniteError(fmt::format(
        "{}: found {} at step {}, feature {}; expected at most {:g} in magnitude, so that sums over features and steps "
        "stay finite in f32; {}",
        describe(sample), values[at], step, feature, largest_feature_, scaling()));
  }
  return NotFinite{step, feature, values[at]};
}

}  // namespace alignment::io
