#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "io/formats/file_reader.hpp"

namespace alignment::io {

/// The directory of a zip archive whose files lie in it uncompressed, as torch.save writes them.
class ZipArchive {
 public:
  /// A file within the archive.
  struct Record {
    std::uint64_t header = 0;  ///< where its own header begins
    std::uint64_t bytes = 0;   ///< of its content
    bool plain = true;         ///< neither compressed nor encrypted
  };

  /// Reads the directory, folders left out. Throws StoreError for what is no whole zip archive and for names that occur
  /// twice.
  explicit ZipArchive(const FileReader& file);

  [[nodiscard]] const std::unordered_map<std::string, Record>& records() const { return records_; }
  /// The folder that holds the first file, with the slash; empty where it lies in none.
  [[nodiscard]] const std::string& folder() const { return folder_; }

  /// Where in `file` the content of a record begins, which reaches neither beyond the file nor is stored otherwise than
  /// plainly. Throws StoreError that begins with `where`.
  [[nodiscard]] static std::uint64_t content_of(const FileReader& file, const Record& record, const std::string& where);

 private:
  std::unordered_map<std::string, Record> records_;
  std::string folder_;
};

}  // namespace alignment::io
