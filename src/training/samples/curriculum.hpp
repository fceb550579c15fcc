#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment {

/// What the steps of an epoch go through: units of work, such as samples or pairs of them. What the numbers of units
/// mean is for whoever makes them; every rank makes the same.
class Curriculum {
 public:
  virtual ~Curriculum() = default;
  Curriculum() = default;
  Curriculum(const Curriculum&) = delete;
  Curriculum& operator=(const Curriculum&) = delete;

  /// What units are called, "samples", and the key that says how many a step takes.
  [[nodiscard]] virtual std::string unit_name() const = 0;
  [[nodiscard]] virtual std::string step_size_key() const = 0;

  /// Units of an epoch, of every one the same number.
  [[nodiscard]] virtual std::int64_t size() const = 0;
  /// [size()] the units of that epoch in their order, a function of `seed` and `epoch`.
  [[nodiscard]] virtual std::vector<std::int64_t> order(std::uint64_t seed, std::int64_t epoch) const = 0;
  /// To what the work on a unit is proportional.
  [[nodiscard]] virtual std::int64_t work(std::int64_t unit) const = 0;
  /// Ids of the unit's samples.
  [[nodiscard]] virtual std::vector<std::string> ids(std::int64_t unit) const = 0;
  /// The unit as a message names it.
  [[nodiscard]] virtual std::string describe(std::int64_t unit) const = 0;
};

/// The training samples of a store, one by one.
class SampleCurriculum final : public Curriculum {
 public:
  /// `store` must outlive it. `shuffle`: in a new order every epoch.
  SampleCurriculum(const io::TseStore& store, bool shuffle);

  [[nodiscard]] std::string unit_name() const override { return "samples"; }
  [[nodiscard]] std::string step_size_key() const override { return "train.batch_size"; }
  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
  [[nodiscard]] std::vector<std::int64_t> order(std::uint64_t seed, std::int64_t epoch) const override;
  [[nodiscard]] std::int64_t work(std::int64_t unit) const override { return store_.length(unit); }
  [[nodiscard]] std::vector<std::string> ids(std::int64_t unit) const override { return {store_.id(unit)}; }
  [[nodiscard]] std::string describe(std::int64_t unit) const override { return store_.describe(unit); }

 private:
  const io::TseStore& store_;
  bool shuffle_;
  std::vector<std::int64_t> samples_;
};

}  // namespace alignment
