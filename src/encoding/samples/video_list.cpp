#include "src/encoding/samples/video_list.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

#include "io/bytes/digest.hpp"
#include "io/bytes/file_time.hpp"
#include "io/bytes/first_few.hpp"
#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/text/manifest.hpp"
#include "io/store/splits.hpp"

namespace alignment::encoding {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 32> kVideoEndings = {
    ".3g2", ".3gp",  ".asf", ".avi",   ".divx", ".dv",   ".f4v", ".flv", ".gif",  ".h264", ".hevc",
    ".ivf", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv",  ".mov", ".mp4", ".mpe",  ".mpeg", ".mpg",
    ".mts", ".mxf",  ".ogm", ".ogv",   ".rm",   ".rmvb", ".ts",  ".vob", ".webm", ".wmv"};

bool is_video(const fs::path& file) {
  const std::string ending = io::lower(file.extension().string());
  return ending == ".y4m" || std::find(kVideoEndings.begin(), kVideoEndings.end(), ending) != kVideoEndings.end();
}

/// What stands in the place of the file; empty where there is one, or where the system does not say.
std::string what_is_absent(const fs::path& file) {
  std::error_code error;
  const fs::file_status found = fs::status(file, error);
  if (fs::is_regular_file(found)) return {};
  if (fs::is_directory(found)) return "a folder";
  if (fs::exists(found)) return "a pipe or a device";
  if (found.type() != fs::file_type::not_found) return error == std::errc::filename_too_long ? error.message() : "";
  const fs::path target = fs::read_symlink(file, error);
  return error ? "no such file" : fmt::format("a link to nothing, {}", io::printable(target.string()));
}

void look_for_file(Video& video) {
  video.absent = what_is_absent(video.file);
  if (video.absent.empty()) look_at_file(video);
}

VideoList list_of_manifest(const fs::path& file) {
  if (is_video(file)) {
    throw io::StoreError(
        fmt::format("{}: found a video; expected a CSV list or a folder of videos; name its folder, or a list with the "
                    "column file",
                    io::printable(file.string())));
  }
  const io::Manifest manifest = io::read_manifest(file, "a video", io::SharedFiles::kRefuse, io::AbsentFiles::kAllow);
  VideoList list;
  list.class_names = manifest.class_names;
  list.source = io::as_utf8(file.filename().string());
  const auto labels = io::labels_of(list.class_names);
  list.videos.reserve(manifest.entries.size());
  for (const io::ManifestEntry& entry : manifest.entries) {
    Video& video = list.videos.emplace_back();
    video.id = entry.id;
    video.listed = entry.listed;
    video.file = entry.file;
    video.label = entry.label.empty() ? io::kNoLabel : labels.at(entry.label);
    video.split = entry.split;
    look_for_file(video);
  }
  if (manifest.is_of_new_samples) {
    list.notes.push_back(
        fmt::format("{}: has neither labels nor splits: all videos are unlabelled, of the test split", file.string()));
  }
  return list;
}

/// Lists a folder of classes.
class FolderLister {
 public:
  FolderLister(const fs::path& folder, const std::vector<fs::path>& own) : folder_(folder) {
    for (const fs::path& one : own) {
      std::error_code unresolved;  // without a working folder nothing lies where it says
      if (const fs::path whole = fs::absolute(one, unresolved); !unresolved) own_.push_back(whole.lexically_normal());
    }
  }

  VideoList list() {
    const Entries top = entries_of(folder_);
    find_splits(top);
    if (!list_without_classes(top, io::Split::kTest)) list_folders(top);
    problems_.require_none();
    if (found_.empty()) {
      throw io::StoreError(
          fmt::format("{}: found no video in it; expected one folder a class with its videos, or a manifest; check the "
                      "folder",
                      folder_.string()));
    }
    return finished();
  }

 private:
  struct Entries {
    std::vector<fs::path> folders, files;
  };
  struct Found {
    Video video;
    std::optional<std::string> label;
  };

  void list_folders(const Entries& top) {
    note_files_without_class(top);
    for (const fs::path& below : top.folders) {
      const std::optional<io::Split> split = split_of(below);
      if (!split || !has_splits_) {  // beside splits it holds no video: what lies in it is passed over
        list_class(below, io::Split::kTrain);
        continue;
      }
      const Entries classes = entries_of(below);
      if (*split != io::Split::kTrain && list_without_classes(classes, *split)) continue;
      note_files_without_class(classes);
      for (const fs::path& one : classes.folders) list_class(one, *split);
    }
  }

  /// What lies in `folder`, but for names that begin with a dot.
  Entries entries_of(const fs::path& folder) {
    Entries entries;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().filename().string().starts_with('.') || is_own(entry->path())) continue;
      std::error_code unknown;
      (entry->is_directory(unknown) ? entries.folders : entries.files).push_back(entry->path());
    }
    if (error) {
      throw io::StoreError(fmt::format("{}: found {}; expected a folder to list; check the path and its permissions",
                                       folder.string(), error.message()));
    }
    std::sort(entries.folders.begin(), entries.folders.end());
    std::sort(entries.files.begin(), entries.files.end());
    return entries;
  }

  [[nodiscard]] bool is_own(const fs::path& path) const {
    return std::any_of(own_.begin(), own_.end(), [&](const fs::path& one) {
      std::error_code unknown;
      return one.filename() == path.filename() && fs::equivalent(one.parent_path(), path.parent_path(), unknown);
    });
  }

  static std::optional<io::Split> split_of(const fs::path& folder) {
    return io::parse_split(io::lower(folder.filename().string()));
  }

  /// Folders on top are splits or classes; a mixture of both would make classes named train and val. Those without
  /// videos say nothing.
  void find_splits(const Entries& top) {
    io::FirstFew split_names, others;
    for (const fs::path& below : top.folders) {
      if (!holds_video(below)) continue;
      const std::string name = io::printable(below.filename().string());
      if (split_of(below)) {
        split_names.add(name);
      } else {
        others.add(name);
      }
    }
    if (split_names.count() > 0 && others.count() > 0) {
      throw io::StoreError(fmt::format(
          "{}: found the folders {} beside {}; expected only splits (train, val, validation, test), or only classes; "
          "move the others away, rename classes that are called as splits, or write a manifest",
          io::printable(folder_.string()), split_names.text(), others.text()));
    }
    has_splits_ = split_names.count() > 0;
  }

  bool holds_video(const fs::path& folder) {
    std::error_code unknown;
    const fs::path real = fs::canonical(folder, unknown);
    if (unknown || std::find(above_.begin(), above_.end(), real) != above_.end()) return false;
    above_.push_back(real);
    const Entries entries = entries_of(folder);
    const bool found = std::any_of(entries.files.begin(), entries.files.end(), is_video) ||
                       std::any_of(entries.folders.begin(), entries.folders.end(),
                                   [this](const fs::path& below) { return holds_video(below); });
    above_.pop_back();
    return found;
  }

  /// Where videos lie in no folder: they have no class. False where there are none, or folders with others.
  bool list_without_classes(const Entries& entries, io::Split split) {
    if (std::none_of(entries.files.begin(), entries.files.end(), is_video)) return false;
    if (std::any_of(entries.folders.begin(), entries.folders.end(),
                    [this](const auto& one) { return holds_video(one); }))
      return false;
    for (const fs::path& file : entries.files) add(file, std::nullopt, split);
    for (const fs::path& below : entries.folders)
      list_below(below, std::nullopt, split);  // what lies there is passed over
    return true;
  }

  void note_files_without_class(const Entries& entries) {
    for (const fs::path& file : entries.files) {
      if (!is_video(file)) {
        pass_over(file);
        continue;
      }
      problems_.add(file.filename().string(),
                    fmt::format("{}: found a video outside of any class; expected one folder a class; move it into the "
                                "folder of its class, or write a manifest",
                                io::printable(file.string())));
    }
  }

  void pass_over(const fs::path& file) { passed_over_.add(io::printable(file.lexically_relative(folder_).string())); }

  void list_class(const fs::path& folder, io::Split split) {
    const std::string name = folder.filename().string();
    if (!io::is_utf8(name)) {
      problems_.add(io::as_utf8(name), fmt::format("{}: found a name that is not UTF-8; expected a class's name in "
                                                   "UTF-8; rename the folder",
                                                   io::as_utf8(folder.string())));
      return;
    }
    list_below(folder, name, split);
  }

  void list_below(const fs::path& folder, const std::optional<std::string>& label, io::Split split) {
    // A link to a folder above would be followed for ever.
    const fs::path real = fs::canonical(folder);
    if (std::find(above_.begin(), above_.end(), real) != above_.end()) {
      problems_.add(folder.filename().string(),
                    fmt::format("{}: found a link to a folder above it; expected folders without circles; remove it",
                                io::printable(folder.string())));
      return;
    }
    above_.push_back(real);
    const Entries entries = entries_of(folder);
    for (const fs::path& file : entries.files) add(file, label, split);
    for (const fs::path& below : entries.folders) list_below(below, label, split);
    above_.pop_back();
  }

  void add(const fs::path& file, const std::optional<std::string>& label, io::Split split) {
    if (!is_video(file)) {
      pass_over(file);
      return;
    }
    Found found;
    found.label = label;
    found.video.id = found.video.listed = file.lexically_relative(folder_).generic_string();
    found.video.file = file;
    found.video.split = split;
    if (!io::is_utf8(found.video.id)) {
      problems_.add(
          io::as_utf8(found.video.id),
          fmt::format("{}: found a name that is not UTF-8; expected UTF-8, since it is the video's id; rename "
                      "it, or write a manifest",
                      io::as_utf8(file.string())));
      return;
    }
    try {
      look_for_file(found.video);
      if (label) names_.insert(*label);
      found_.push_back(std::move(found));
    } catch (const io::StoreError& problem) {
      problems_.add(found.video.id, problem.what());
    }
  }

  VideoList finished() {
    VideoList list;
    list.source = io::as_utf8(fs::canonical(folder_).filename().string());
    list.class_names = io::class_order(names_);
    const auto labels = io::labels_of(list.class_names);
    std::sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) { return a.video.id < b.video.id; });
    for (Found& found : found_) {
      found.video.label = found.label ? labels.at(*found.label) : io::kNoLabel;
      list.videos.push_back(std::move(found.video));
    }
    const auto unlabelled = std::count_if(list.videos.begin(), list.videos.end(),
                                          [](const Video& video) { return video.label == io::kNoLabel; });
    if (unlabelled == std::ssize(list.videos)) {
      list.notes.push_back(fmt::format("{}: its videos lie in no folders of classes: all are unlabelled{}",
                                       folder_.string(), has_splits_ ? "" : ", of the test split"));
    } else if (unlabelled > 0) {
      list.notes.push_back(fmt::format("{}: {} of its videos lie in no folders of classes: these are unlabelled",
                                       folder_.string(), unlabelled));
    } else if (!has_splits_) {
      list.notes.push_back(fmt::format(
          "{}: its folders are classes, none is named train, val or test: all videos are of the train split",
          folder_.string()));
    }
    if (passed_over_.count() > 0) {
      list.notes.push_back(fmt::format("{}: passed over {} files that are not named as videos: {}", folder_.string(),
                                       passed_over_.count(), passed_over_.text()));
    }
    return list;
  }

  fs::path folder_;
  std::vector<fs::path> own_;  ///< absolute
  bool has_splits_ = false;
  std::vector<Found> found_;
  std::set<std::string> names_;
  std::vector<fs::path> above_;  ///< the folders that lead to the one being listed
  io::FirstFew passed_over_;
  io::ListProblems problems_;
};

}  // namespace

std::uint64_t Video::identity() const {
  io::Digest digest;
  digest.add(id);
  digest.add(listed);
  digest.add(bytes);
  digest.add(modified_ns);
  return digest.value();
}

bool VideoList::has_unlabelled() const {
  return std::any_of(videos.begin(), videos.end(), [](const Video& video) { return video.label == io::kNoLabel; });
}

void look_at_file(Video& video) {
  struct stat found {};
  if (::stat(video.file.c_str(), &found) != 0) {
    throw io::StoreError(fmt::format("{}: found {}; expected a video to read; check the path and its permissions",
                                     io::printable(video.file.string()), std::generic_category().message(errno)));
  }
  video.bytes = found.st_size;
  video.modified_ns = io::modified_nanoseconds(found);
}

VideoList read_video_list(const fs::path& list, const std::vector<fs::path>& own) {
  std::error_code unknown;
  return fs::is_directory(list, unknown) ? FolderLister(list, own).list() : list_of_manifest(list);
}

}  // namespace alignment::encoding
