#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alignment::dejavid::bench {

/// The size of what was measured; symbols as in docs/develop/notation.md.
struct Shape {
  std::string name;                                   ///< the preset, or empty
  std::int64_t classes = 0, steps = 0, features = 0;  ///< 0 where no model has them
  double length = 0;                                  ///< T, the mean where samples differ
  std::int64_t samples = 0;                           ///< B, at a time
};
/// "hmdb51 (C=51 K=8 F=1459 T=33 B=384)"
[[nodiscard]] std::string to_string(const Shape& shape);

/// Shares of the f32 roof that cannot be exceeded, with a tenth for what the clocks of cores vary: by its own
/// arithmetic, and by that on integers of 8 bits.
inline constexpr double kMostOfRoof = 1.1, kMostOfRoofOnIntegers = 4.4;

/// One measured thing.
struct Record {
  std::string part;     ///< "kernels", "train", ...
  std::string name;     ///< unique within a part, a shape and a number of threads
  std::string variant;  ///< instruction set of the kernels, or what took their place
  Shape shape;
  int ranks = 1, threads = 1;  ///< threads of one rank
  double seconds = 0;          ///< median
  double spread = 0;           ///< (max - min) / median
  double elements = 0;         ///< samples*C*K*T*F: what the paths are searched among; of a store, its features
  std::optional<double> visited_elements;  ///< those on the paths, for what runs along paths only
  std::optional<double> roof;          ///< elements a second of sub, and, fma from registers, on all ranks and threads
  std::optional<double> nominal_roof;  ///< the same by a GPU's number of arithmetic units and its highest clock
  std::optional<double> predicted_seconds;  ///< if all clocks issued instructions, at the GPU's highest clock
  std::optional<double> samples_per_s;
  std::optional<double> first_seconds;                 ///< of the first time, which reads and allocates
  std::vector<std::pair<std::string, double>> phases;  ///< name, seconds
  std::optional<std::int64_t> peak_bytes;              ///< resident, of the rank that held most
  std::optional<std::int64_t> device_peak_bytes;       ///< GPU memory that the program took, likewise
  std::optional<std::int64_t> measured_samples;        ///< timed, where `seconds` are extrapolated from them
  std::optional<double> times_slower;                  ///< than our kernels at the same work in the same run
  std::optional<std::int64_t> bytes;                   ///< read from a file
  std::optional<double> share_of_raw;                  ///< its bytes a second, of those that read() alone gets
  std::optional<double> cached_share;                  ///< of the file, in the page cache before it was read

  nlohmann::ordered_json more = nlohmann::ordered_json::object();  ///< entries that only this part has
  std::string note;                                                ///< the same for people; one line

  std::optional<double> most_of_roof;  ///< the share that nothing can exceed, where one is known

  [[nodiscard]] double elements_per_s() const { return elements / seconds; }
  /// Of visited_elements where there are any, else of elements. Nothing where the machine was busy.
  [[nodiscard]] std::optional<double> share_of_roof() const;
  /// Whether the share is more than there can be: others slowed the roof down, or this.
  [[nodiscard]] bool busy() const;

 private:
  [[nodiscard]] std::optional<double> measured_share() const;
};

/// A kernel's record, but for its roof and threads. `along_paths`: it visits K+T-1 cells of each cost matrix, not all.
[[nodiscard]] Record kernel_record(std::string_view operation, std::string_view variant, const Shape& shape,
                                   bool along_paths);

[[nodiscard]] nlohmann::ordered_json to_json(const Record& record);
/// The whole document: this machine and the records.
[[nodiscard]] std::string to_document(const std::vector<Record>& records);
/// The same for people, one line a record.
[[nodiscard]] std::string to_table(const std::vector<Record>& records);

}  // namespace alignment::dejavid::bench
