#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/bytes/first_few.hpp"
#include "io/store/tse_store.hpp"

namespace alignment::io {

/// One line of a manifest.
struct ManifestEntry {
  std::string id;
  std::string listed;          ///< the file as the line names it
  std::filesystem::path file;  ///< seen from where the manifest is seen
  std::string label;           ///< empty where it is not known
  Split split = Split::kTrain;
  std::int64_t line = 0;
};

/// Samples that lie in a file each, listed in a CSV file with the columns id, file, label, split (in any order): `file`
/// seen from the manifest's folder, `split` one of train, val (or validation), test. A sample that is not of the train
/// split may have an empty label, or the manifest no such column: its class is not known. Without a column of ids a
/// sample's id is its file as listed; a manifest with neither labels nor splits is of new samples, all of the test
/// split.
struct Manifest {
  std::filesystem::path file;
  std::vector<ManifestEntry> entries;    ///< in the file's order; every id once
  std::vector<std::string> class_names;  ///< [C] the distinct labels in class_order(), also of lines left out
  bool is_of_new_samples = false;        ///< it has neither labels nor splits
  FirstFew left_out;                     ///< lines whose file is not there, and which

  /// `m.csv:line 3`, for messages.
  [[nodiscard]] std::string where(const ManifestEntry& entry) const;
  [[nodiscard]] bool has_unlabelled() const;
};

/// Whether two samples of a manifest may lie in the same file.
enum class SharedFiles : std::uint8_t { kAllow, kRefuse };

/// Whether a sample's file has to be there.
enum class AbsentFiles : std::uint8_t { kRefuse, kLeaveOut, kAllow };

/// `content` says what a sample's file is, for messages: "the sample's .npy". Throws StoreError that names file and
/// line of the first thing that is wrong, and how many more lines are; also where
/// every sample was left out.
[[nodiscard]] Manifest read_manifest(const std::filesystem::path& file, const char* content, SharedFiles shared,
                                     AbsentFiles absent = AbsentFiles::kRefuse);

/// Names of classes in class order: as numbers where every one is an integer, else as text.
[[nodiscard]] std::vector<std::string> class_order(const std::set<std::string>& names);

/// The position of every name.
[[nodiscard]] std::unordered_map<std::string, std::int32_t> labels_of(const std::vector<std::string>& class_names);

/// What is wrong with a list of samples: all of it is looked for, and said in one line.
class ListProblems {
 public:
  /// `place` is short ("line 12"), `message` a whole line.
  void add(const std::string& place, const std::string& message);
  /// Throws StoreError where there is any.
  void require_none() const;

 private:
  std::string first_;
  FirstFew others_;
  std::size_t count_ = 0;
};

}  // namespace alignment::io
