#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment::encoding {

/// One video to encode.
struct Video {
  std::string id;
  std::string listed;          ///< its file as seen from the list
  std::filesystem::path file;  ///< to open
  std::int32_t label = 0;      ///< position in class_names, or io::kNoLabel
  io::Split split = io::Split::kTrain;
  std::int64_t bytes = 0;        ///< size of the file
  std::int64_t modified_ns = 0;  ///< when it was last written
  std::string absent = {};       ///< what is there in the place of a file: "no such file"; empty where there is one

  /// XXH64 of id, file as listed, size and time: a video with the same identity need not be encoded again.
  [[nodiscard]] std::uint64_t identity() const;
};

/// The videos of a list, in its order.
struct VideoList {
  std::vector<Video> videos;             ///< every id and every file once
  std::vector<std::string> class_names;  ///< [C]
  std::string source;                    ///< name of the list
  std::vector<std::string> notes;        ///< what was passed over or taken for granted, one line each

  [[nodiscard]] bool has_unlabelled() const;
};

/// Fills in size and time of the video's file as they are now. Throws StoreError where it is not there.
void look_at_file(Video& video);

/// Reads a manifest (a CSV file, io/formats/text/manifest.hpp) or lists a folder that has one folder a class: videos
/// lie at any depth below a class's folder; where all folders on top that hold videos are named train, val (or
/// validation) or test, in letters of either case, these are the splits and classes lie below them; where none is, all
/// videos are of the train split; where only some are, it is refused. A folder of videos alone has no classes: they are
/// of the test split, as are those of a val or test folder of theirs. A folder's videos are known by the ends of their
/// names, sorted by their paths, which are their ids. `own`: files and folders that the program itself writes, which
/// are not looked at. A video without a file is Video::absent. Throws StoreError.
[[nodiscard]] VideoList read_video_list(const std::filesystem::path& list,
                                        const std::vector<std::filesystem::path>& own = {});

}  // namespace alignment::encoding
