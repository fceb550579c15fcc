#include "src/encoding/job/encode.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <memory>
#include <span>
#include <sstream>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/text.hpp"
#include "dist/work_queue.hpp"
#include "io/bytes/csv_field.hpp"
#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "io/formats/sample_source.hpp"
#include "io/result_file.hpp"
#include "io/video/video_reader.hpp"
#include "src/config/error.hpp"
#include "src/encoding/job/alongside.hpp"
#include "src/encoding/job/parts.hpp"
#include "src/encoding/job/parts_folder.hpp"
#include "src/encoding/job/parts_source.hpp"
#include "src/encoding/job/store_classes.hpp"
#include "src/encoding/job/torch_threads.hpp"
#include "src/encoding/job/worker_pool.hpp"
#include "src/encoding/samples/video_list.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/job/terminal/progress.hpp"

namespace alignment::encoding {
namespace {

namespace fs = std::filesystem;

/// To be raised where frames, windows or rows are made in another way: what is kept of before then lies apart.
constexpr int kPreparation = 1;

/// What kinds of work ranks count for each other.
enum Kind : std::size_t { kEncoded, kFailed, kDecodedFrames, kParts };

const char* precision_name(EncoderPrecision precision) {
  switch (precision) {
    case EncoderPrecision::kFloat16:
      return "f16";
    case EncoderPrecision::kBfloat16:
      return "bf16";
    case EncoderPrecision::kFloat32:
      break;
  }
  return "f32";
}

fs::path failures_file(const fs::path& out) {
  fs::path file = out;
  file += ".failed.csv";
  return file;
}

/// Texts one behind the other, none of which holds a NUL.
class Packed {
 public:
  explicit Packed(std::string text = {}) : text_(std::move(text)) {}
  template <typename Value>
  void put(const Value& value) {
    text_ += fmt::format("{}", value);
    text_ += '\0';
  }
  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }
  std::string text() {
    const std::size_t end = text_.find('\0', position_);
    std::string piece = text_.substr(position_, end - position_);
    position_ = end + 1;
    return piece;
  }
  std::int64_t number() { return std::stoll(text()); }
  [[nodiscard]] const std::string& all() const { return text_; }

 private:
  std::string text_;
  std::size_t position_ = 0;
};

/// One job, from the list to the store.
class Job {
 public:
  Job(const EncodeOptions& options, dist::Communicator& communicator)
      : options_(options), communicator_(communicator), timeout_(options.dist.timeout()) {}

  void run() {
    require_free_output();
    read_list();
    make_encoder_and_rule();
    take_parts_folder();
    choose_what_is_left();
    if (left_count() > 0) encode();
    const std::vector<PartsSource::Sample> samples = judge();
    merge(samples);
  }

 private:
  [[nodiscard]] bool is_root() const { return communicator_.is_root(); }
  [[nodiscard]] std::int64_t left_count() const { return std::ssize(left_); }

  void require_free_output() {
    agreed(communicator_, [&] {
      if (!is_root()) return;
      const dist::Deadline deadline = waiting_for_files("a look at the output", timeout_);
      const io::DurableFile probe(options_.out, io::DurableFile::Existing::kRefuse);
    });
  }

  void read_list() {
    alongside(communicator_, timeout_, [&] {
      if (!is_root()) return;
      list_ = read_video_list(options_.videos,
                              {options_.out, failures_file(options_.out), PartsFolder::above(options_.out)});
      require_files();
    });
    for (const std::string& note : list_.notes) log_info("note: " + note);
  }

  /// Refuses videos without a file, but where those that cannot be used are left out.
  void require_files() const {
    if (options_.bad_videos == BadVideos::kSkip) return;
    io::FirstFew absent;
    for (const Video& video : list_.videos) {
      if (!video.absent.empty()) absent.add(fmt::format("{} ({})", io::printable(video.listed), video.absent));
    }
    if (absent.count() == 0) return;
    throw io::StoreError(
        fmt::format("{}: found no file for {} of {} videos: {}; expected one for each, seen from the list's folder; "
                    "bring them there, correct the list, or say --bad-videos skip to leave them out",
                    options_.videos.string(), absent.count(), list_.videos.size(), absent.text()));
  }

  void make_encoder_and_rule() {
    DistConfig dist = options_.dist;
    dist.backend = BackendChoice::kMpi;
    const std::optional<ChosenGpu> gpu = choose_gpu(dist, "dejavid_encode", communicator_);
    EncoderPlace place;
    place.precision = options_.precision;
    place.timeout = timeout_;
    if (gpu) place.gpu = gpu->gpu.index;
    alongside(communicator_, timeout_, [&] {
      compute_on_this_thread();
      if (!gpu && options_.precision != EncoderPrecision::kFloat32) {
        throw ConfigError(fmt::format("--precision: found {} where the CPU computes; expected f32; leave it out",
                                      precision_name(options_.precision)));
      }
      encoder_ = make_encoder(options_.encoder, place);
    });
    rule_.windows = options_.windows;
    rule_.batch = options_.batch;
    const EncoderDescription& description = encoder_->description();
    agreed(communicator_, [&] {
      const bool clip = description.kind == EncoderKind::kClip;
      rule_.windows.frames = options_.window_frames.value_or(clip ? description.frames : rule_.windows.frames);
      if (clip && rule_.windows.frames != description.frames) {
        throw ConfigError(
            fmt::format("--window-frames: found {}; expected {}, which the encoder {} takes; leave it out",
                        rule_.windows.frames, description.frames, description.name));
      }
      if (const std::int64_t most = largest_batch(description); rule_.batch > most) {
        throw ConfigError(fmt::format(
            "--batch: found {} with an encoder of inputs of {} x {} x {} pixels; expected at most {}, beyond which a "
            "batch has 2^31 numbers or more; encode fewer at once",
            rule_.batch, description.frames, description.size, description.size, most));
      }
    });
    tell_narrow_windows(description);
    choose_logits();
    feature_dim_ = row_features(description, rule_);
    settings_ = fmt::format(
        "parts 2\nprepared in way {} with {} and LibTorch {}\nencoder {}\noutputs {} + {}\nwindows {}\nbatch "
        "{}\ncomputed on {} in {}\n",
        kPreparation, io::decoder_versions(), torch_description(), description.digest, stored_.features, stored_.logits,
        encoding::to_text(rule_.windows), rule_.batch, gpu ? "GPU" : "CPU", precision_name(options_.precision));
    log_info(fmt::format("encoder {}: {} features and {} logits a window; windows: {}; {} numbers a row",
                         io::printable(description.name), description.features, description.logits,
                         encoding::to_text(rule_.windows), feature_dim_));
    if (description.logits > stored_.logits && options_.logits == KeptLogits::kAuto) {
      log_info(fmt::format(
          "note: the encoder's {} logits are left out, as {}; --logits keep stores them as features like others",
          description.logits,
          description.classes.empty() ? "it does not say of which classes they are"
                                      : "not all videos' classes are among theirs"));
    }
    if (!dist::same_on_all_ranks(communicator_, PartsFolder(options_.out, settings_).key())) {
      agreed(communicator_, [&] {
        throw ConfigError(
            fmt::format("--encoder: found that ranks have different ones by the name {}; expected the same "
                        "file everywhere; copy it again",
                        options_.encoder));
      });
    }
  }

  /// A clip encoder sees how frames change, of which a window with fewer frames than it takes has less.
  void tell_narrow_windows(const EncoderDescription& description) const {
    const auto& widths = rule_.windows.widths;
    const auto narrow = std::find_if(widths.begin(), widths.end(), [&](std::int64_t width) {
      return width > 0 && width < description.frames;  // 0: the whole video
    });
    if (!is_root() || rule_.windows.kind != WindowRule::Kind::kMulti || narrow == widths.end()) return;
    log_warning(
        fmt::format("--widths: found {} with the encoder {}, which takes clips of {} frames; expected that many or "
                    "more: frames are repeated, and features of how they change say nothing; use --widths {}",
                    *narrow, io::printable(description.name), description.frames, description.frames));
  }

  /// Rank 0 knows the videos' classes.
  void choose_logits() {
    const EncoderDescription& description = encoder_->description();
    std::int32_t keeps = is_root() && keeps_logits(description, options_.logits, list_.class_names) ? 1 : 0;
    communicator_.broadcast(std::span<std::int32_t>(&keeps, 1), dist::Rank{0});
    rule_.keeps_logits = keeps != 0;
    stored_ = description;
    if (rule_.keeps_logits) return;
    stored_.logits = 0;
    stored_.classes.clear();
  }

  void take_parts_folder() {
    folder_ = std::make_unique<PartsFolder>(options_.out, settings_);
    agreed(communicator_, [&] {
      if (!is_root()) return;
      const dist::Deadline deadline = waiting_for_files("a look at the parts", timeout_);
      lock_ = std::make_unique<OutputLock>(folder_->above());
      folder_->make();
    });
    agreed(communicator_, [&] {
      if (folder_->is_visible()) return;
      throw io::WriteError(
          fmt::format("{}: found no such folder on {}, though rank 0 has made it; expected an output on a file system "
                      "that all ranks see; choose another --out",
                      folder_->path().string(), communicator_.topology().host));
    });
  }

  /// What is known of each video, as far as it is still the same one: with digests by all parts, by sizes by the parts
  /// of this start, beside what was known before.
  void read_entries(PartCheck check) {
    std::string mine;
    alongside(communicator_, timeout_, [&] {
      const int share = check == PartCheck::kDigests ? communicator_.rank().value : 0;
      const int shares = check == PartCheck::kDigests ? communicator_.size().value : 1;
      if (!is_root() && shares == 1) return;
      for (const PartEntry& entry : read_parts(folder_->path(), feature_dim_, check, share, shares)) {
        const std::string file = entry.rows_file.filename().string();
        if (check == PartCheck::kSizes && !file.starts_with(start_)) continue;
        mine += fmt::format("{}\n{}\n", file, encoding::to_line(entry));
      }
    });
    entries_.resize(list_.videos.size());
    std::unordered_map<std::uint64_t, std::size_t> number_of;
    for (std::size_t number = 0; number < list_.videos.size(); ++number) {
      number_of.emplace(list_.videos[number].identity(), number);
    }
    for (const std::string& texts : dist::gather_text(communicator_, mine)) {
      std::istringstream lines(texts);
      for (std::string file, line; std::getline(lines, file) && std::getline(lines, line);) {
        std::optional<PartEntry> entry = from_line(line);
        if (!entry) continue;
        entry->rows_file = folder_->path() / file;
        const auto number = number_of.find(entry->identity);
        if (number == number_of.end()) continue;
        std::optional<PartEntry>& known = entries_[number->second];
        // The names of files begin with the time of their start: of two reasons the later one stands.
        const bool better = !known || (entry->encoded && !known->encoded) ||
                            (entry->encoded == known->encoded && entry->rows_file >= known->rows_file);
        if (better) known = std::move(entry);
      }
    }
  }

  /// Rank 0 decides which videos are to be encoded, and tells the others all that they need to know of them.
  void choose_what_is_left() {
    read_entries(PartCheck::kDigests);
    Packed packed;
    if (is_root()) {
      std::vector<const Video*> left;
      std::int64_t absent = 0;
      for (std::size_t number = 0; number < list_.videos.size(); ++number) {
        if (!list_.videos[number].absent.empty()) {
          ++absent;
          continue;
        }
        std::optional<PartEntry>& entry = entries_[number];
        if (entry && !entry->encoded && options_.retry_failed) entry.reset();
        if (!entry) left.push_back(&list_.videos[number]);
      }
      // The largest first: what is begun last is then short, and no rank is left alone with a long one.
      std::stable_sort(left.begin(), left.end(), [](const Video* a, const Video* b) { return a->bytes > b->bytes; });
      for (const Video* video : left) {
        packed.put(video->id);
        packed.put(video->listed);
        packed.put(video->file.string());
        packed.put(video->bytes);
        packed.put(video->modified_ns);
      }
      const auto all = std::ssize(list_.videos);
      known_ = all - absent - std::ssize(left);
      if (known_ > 0) {
        log_info(fmt::format("{} of {} videos have been looked at before; {} are left", known_, all, left.size()));
      }
    }
    packed = Packed(dist::broadcast_text(communicator_, packed.all(), dist::Rank{0}));
    while (!packed.at_end()) {
      Video& video = left_.emplace_back();
      video.id = packed.text();
      video.listed = packed.text();
      video.file = packed.text();
      video.bytes = packed.number();
      video.modified_ns = packed.number();
    }
  }

  /// A name for this start's parts that no other start has: made by rank 0.
  std::string name_of_start() {
    std::string name;
    if (is_root()) {
      timespec now{};
      clock_gettime(CLOCK_REALTIME, &now);
      name = fmt::format("{}{:09}-{}-", now.tv_sec, now.tv_nsec, ::getpid());
    }
    return dist::broadcast_text(communicator_, name, dist::Rank{0});
  }

  void encode() {
    const int threads = thread_count(options_.dist, communicator_);
    start_ = name_of_start();
    PartWriter writer(folder_->path(), fmt::format("{}rank{}", start_, communicator_.rank().value), feature_dim_);
    const auto begun = std::chrono::steady_clock::now();
    EncodingTimes times;
    LocalPhase local;
    {
      WorkerPool pool(*encoder_, rule_, left_, threads);
      share_out(pool, writer, local);
      times = pool.times();
    }
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begun;
    const int stop = dist::agree_and_max(communicator_, local.failure, stop_requested() ? 1 : 0);
    report_times(times, wall.count() * threads);
    if (stop != 0 && dist::on_all_ranks(communicator_, !is_root() || shared_count_ < left_count())) stopped();
  }

  /// Takes items, has them encoded and keeps what comes of it, until no rank has any left.
  void share_out(WorkerPool& pool, PartWriter& writer, LocalPhase& local) {
    const std::unique_ptr<dist::WorkQueue> queue = dist::make_work_queue(communicator_, left_count(), timeout_);
    Progress progress(is_root() ? options_.progress : ProgressChoice::kOff, "encoding", known_ + left_count(), "videos",
                      known_);
    const auto begun = std::chrono::steady_clock::now();
    constexpr std::chrono::milliseconds kPatience{2};
    constexpr int kAhead = 1;  // no worker waits for what this thread writes and asks
    std::int64_t shown = 0, frames = 0, parts = 0;
    while (!queue->all_left()) {
      local.attempt([&] { pool.require_sound(); });
      if (local.failure || stop_requested()) {
        queue->close();
        pool.abandon();
      }
      while (!queue->is_closed() && pool.in_hand() + queue->asked() < pool.threads() + kAhead) {
        queue->ask();
      }
      while (const std::optional<std::int64_t> item = queue->take()) pool.give(*item);
      const std::vector<FinishedVideo> finished = pool.take(kPatience);
      local.attempt([&] {
        dist::WorkCounts fresh = keep(finished, writer);
        fresh[kDecodedFrames] = pool.decoded_frames() - frames;
        fresh[kParts] = pool.encoded_parts() - parts;
        frames += fresh[kDecodedFrames];
        parts += fresh[kParts];
        queue->report(fresh);
      });
      if (queue->is_closed() && pool.in_hand() == 0 && finished.empty()) queue->leave();
      queue->poll();
      const dist::WorkCounts done = queue->done();
      shared_count_ = done[kEncoded] + done[kFailed];
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun;
      progress.set_under_way(
          std::max(static_cast<double>(done[kParts]) / EncodingWork::kWhole - static_cast<double>(shared_count_), 0.0));
      progress.advance(shared_count_ - shown, fmt::format("{:.0f} frames/s decoded",
                                                          static_cast<double>(done[kDecodedFrames]) / passed.count()));
      shown = shared_count_;
    }
    // What a worker met with this rank's last videos comes behind the last look.
    local.attempt([&] { pool.require_sound(); });
    local.attempt([&] {
      const dist::Deadline deadline = waiting_for_files("a write of the parts", timeout_);
      writer.commit();
    });
  }

  dist::WorkCounts keep(const std::vector<FinishedVideo>& finished, PartWriter& writer) {
    // Waiting for the disk costs more than small videos do.
    constexpr std::chrono::milliseconds kBetweenCommits{200};
    dist::WorkCounts done{};
    if (finished.empty()) return done;
    const dist::Deadline deadline = waiting_for_files("a write of the parts", timeout_);
    for (const FinishedVideo& one : finished) {
      const Video& video = left_[static_cast<std::size_t>(one.number)];
      if (one.encoded) {
        writer.add(video, *one.encoded, one.seconds);
        ++done[kEncoded];
      } else {
        writer.add_failure(video, one.reason);
        ++done[kFailed];
      }
    }
    if (const auto now = std::chrono::steady_clock::now(); now - committed_ > kBetweenCommits) {
      writer.commit();
      committed_ = now;
    }
    return done;
  }

  /// Collective. Where the threads' time went, so that a user sees what to wait for.
  void report_times(const EncodingTimes& times, double available) {
    const std::vector<double> mine{times.decoding, times.preparing, times.encoding, available};
    const std::vector<double> all = communicator_.gather(std::span<const double>(mine));
    if (!is_root()) return;
    const auto line = [](std::span<const double> of_rank) {
      const auto share = [&](double seconds) { return of_rank[3] > 0 ? 100 * seconds / of_rank[3] : 0.0; };
      return fmt::format("decoding {:.0f} %, preparing {:.0f} %, encoding {:.0f} %, the rest {:.0f} %",
                         share(of_rank[0]), share(of_rank[1]), share(of_rank[2]),
                         share(of_rank[3] - of_rank[0] - of_rank[1] - of_rank[2]));
    };
    std::vector<double> sum(mine.size());
    for (std::size_t n = 0; n < all.size(); ++n) sum[n % sum.size()] += all[n];
    log_info("the workers' time: " + line(sum));
    if (communicator_.size().value == 1) return;
    for (std::size_t rank = 0; rank * mine.size() < all.size(); ++rank) {
      log_info(fmt::format("  rank {}: {}", rank, line(std::span(all).subspan(rank * mine.size(), mine.size()))));
    }
  }

  /// Videos that cannot be used.
  struct Unusable {
    io::FirstFew videos;
    std::size_t partial = 0;  ///< of them, that decode in part
    std::string csv = "id,file,reason\n";

    void add(const Video& video, const std::string& reason) {
      videos.add(fmt::format("{} ({})", io::printable(video.id), reason.substr(0, reason.find(';'))));
      csv +=
          fmt::format("{},{},{}\n", io::csv_field(video.id), io::csv_field(video.file.string()), io::csv_field(reason));
    }
  };

  [[noreturn]] void stopped() {
    throw dist::AgreedFailure(
        {static_cast<int>(ExitCode::kStopped),
         fmt::format("stopped on request: what is finished is kept in {}; the same command goes on",
                     folder_->path().string())},
        dist::Rank{0});
  }

  /// Rank 0's samples of the store: what is encoded, in the list's order. Collective; refuses what --bad-videos does.
  std::vector<PartsSource::Sample> judge() {
    if (left_count() > 0) read_entries(PartCheck::kSizes);
    std::vector<PartsSource::Sample> samples;
    agreed(communicator_, [&] {
      if (!is_root()) return;
      const dist::Deadline deadline = waiting_for_files("a write of the list of failures", timeout_);
      samples = judge_entries();
    });
    return samples;
  }

  std::vector<PartsSource::Sample> judge_entries() const {
    std::vector<PartsSource::Sample> samples;
    Unusable unusable;
    io::FirstFew partial, missing;
    for (std::size_t number = 0; number < list_.videos.size(); ++number) {
      const Video& video = list_.videos[number];
      const std::optional<PartEntry>& entry = entries_[number];
      if (!video.absent.empty()) {
        unusable.add(video,
                     fmt::format("found {}; expected a video; bring it there, or take it off the list", video.absent));
        continue;
      }
      if (!entry) {
        missing.add(io::printable(video.id));
        continue;
      }
      std::string reason = entry->reason;
      if (entry->encoded && entry->decoding.is_partial()) {
        const DecodingFacts& facts = entry->decoding;
        const std::string found =
            fmt::format("{} frames{}, {} of them damaged, {} bad packets", facts.frames,
                        facts.header_frames ? fmt::format(" of {} by its header", *facts.header_frames) : "",
                        facts.damaged_frames, facts.bad_packets);
        partial.add(fmt::format("{} ({})", io::printable(video.id), found));
        if (options_.bad_videos == BadVideos::kStrict) {
          reason = "found " + found + "; expected all of it to decode; get another copy, or say --bad-videos refuse";
          ++unusable.partial;
        }
      }
      if (reason.empty()) {
        samples.push_back({&video, &*entry});
        continue;
      }
      unusable.add(video, reason);
    }
    if (missing.count() > 0) {
      throw io::StoreError(fmt::format(
          "{}: found no rows of {} videos: {}; expected every rank's parts in it, whole; choose an --out that "
          "all ranks see, and start the same command again",
          folder_->path().string(), missing.count(), missing.text()));
    }
    if (partial.count() > 0) {
      log_info(fmt::format("note: {} of {} videos decode in part: {}", partial.count(), list_.videos.size(),
                           partial.text()));
    }
    settle_failures(unusable);
    return samples;
  }

  void settle_failures(const Unusable& unusable) const {
    const io::FirstFew& failed = unusable.videos;
    const fs::path file = failures_file(options_.out);
    if (failed.count() == 0) {
      std::error_code ignored;
      fs::remove(file, ignored);  // an earlier start's
      return;
    }
    io::write_text(file, unusable.csv);
    const std::size_t all = list_.videos.size();
    if (options_.bad_videos == BadVideos::kSkip) {
      if (failed.count() == all) {
        throw io::StoreError(fmt::format(
            "{}: found that none of its {} videos can be used: {}; expected one at least, as no video is left for a "
            "store; mend them and start again, or say --retry failed to try them again; all are in {}",
            options_.videos.string(), all, failed.text(), file.string()));
      }
      log_warning(fmt::format("--bad-videos skip left out {} of {} videos: {}; all that were left out are in {}",
                              failed.count(), all, failed.text(), file.string()));
      return;
    }
    throw io::StoreError(fmt::format(
        "{}: found that {} of {} videos cannot be used: {}; expected videos that decode{}; mend them and start again, "
        "or say {}; all are in {}",
        options_.videos.string(), failed.count(), all, failed.text(), unusable.partial > 0 ? " as a whole" : "",
        advice_on(unusable), file.string()));
  }

  /// What lets the job go on with these videos.
  static std::string advice_on(const Unusable& unusable) {
    if (unusable.partial == unusable.videos.count()) return "--bad-videos refuse to use what decodes of them";
    if (unusable.partial > 0) {
      return "--bad-videos skip to leave out those that do not decode at all and use what decodes of the others";
    }
    return "--bad-videos skip to leave them out or --retry failed to try them again";
  }

  [[nodiscard]] io::TseStoreHeader header(const StoreClasses& classes) const {
    io::TseStoreHeader header;
    header.feature_dim = feature_dim_;
    header.class_names = classes.names;
    header.logits = classes.logits;
    const bool lacks_logits = encoder_->description().logits > stored_.logits;
    header.encoder = fmt::format("{} {}, {}{}", stored_.name, stored_.digest, encoding::to_text(rule_.windows),
                                 lacks_logits ? ", without its logits" : "");
    header.source = list_.source;
    header.unlabelled = list_.has_unlabelled();
    return header;
  }

  void merge(const std::vector<PartsSource::Sample>& samples) {
    io::StoreTotals totals;
    alongside(communicator_, timeout_, [&] {
      if (!is_root()) return;
      const StoreClasses classes = store_classes(stored_, rule_.windows, list_.class_names);
      if (!classes.note.empty()) log_info("note: " + classes.note);
      for (Video& video : list_.videos) {
        if (video.label != io::kNoLabel) video.label = classes.labels[static_cast<std::size_t>(video.label)];
      }
      PartsSource source(header(classes), samples);
      const io::TseWriterOptions writer{
          .feature_type = options_.float16 ? io::FeatureType::kFloat16 : io::FeatureType::kFloat32,
          .gzip_level = options_.gzip_level};
      Progress progress(options_.progress, "writing " + options_.out.filename().string(), source.sample_count(),
                        "videos");
      totals = io::write_store(source, options_.out, writer, "", 0, io::NotFiniteSamples::kRefuse, [&] {
        progress.advance(1);
        if (stop_requested()) {
          throw StopRequested(
              "stopped on request while the store was written: all videos are encoded and kept; the same "
              "command goes on");
        }
      });
      folder_->remove();
    });
    lock_.reset();
    if (!is_root()) return;
    if (totals.faint.count > 0) {
      log_warning(
          fmt::format("{} of {} features are too small for f16, which keeps few of their digits or none; store f32 "
                      "(without --float16)",
                      totals.faint.count, totals.feature_dim));
    }
    io::write_standard_output(fmt::format(
        "{}: {} train, {} val, {} test samples; {} classes; F = {}; T = {} to {}; {} bytes\n",
        io::printable(options_.out.string()), totals.samples_of_split[0], totals.samples_of_split[1],
        totals.samples_of_split[2], totals.classes, totals.feature_dim, totals.shortest, totals.longest, totals.bytes));
  }

  const EncodeOptions& options_;
  dist::Communicator& communicator_;
  std::chrono::duration<double> timeout_;
  VideoList list_;  ///< on rank 0
  std::unique_ptr<Encoder> encoder_;
  EncodingRule rule_;
  EncoderDescription stored_;  ///< the encoder's, without logits where they are not kept
  std::int64_t feature_dim_ = 0;
  std::string settings_;
  std::unique_ptr<PartsFolder> folder_;
  std::unique_ptr<OutputLock> lock_;                 ///< on rank 0
  std::chrono::steady_clock::time_point committed_;  ///< when finished videos last were on disk
  std::string start_;                                ///< what names of this start's parts begin with
  std::vector<std::optional<PartEntry>> entries_;    ///< on rank 0: of every video of the list
  std::vector<Video> left_;                          ///< to encode, on every rank, in the order of being handed out
  std::int64_t known_ = 0;                           ///< videos of the list that are not left, on rank 0
  std::int64_t shared_count_ = 0;                    ///< of left_, done
};

}  // namespace

std::string EncodeOptions::to_text() const {
  return fmt::format(
      "--videos = {}\n--encoder = {}\n--windows = {}\n--window-frames = {}\n--out = {}\n--bad-videos = {}\n--retry = "
      "{}\n--logits = {}\n"
      "--float16 = {}\n--gzip = {}\n--batch = {}\n--precision = {}\n--device = {}\n--dist.timeout_s = {}\n",
      videos.string(), encoder, encoding::to_text(windows), window_frames.value_or(0), out.string(),
      static_cast<int>(bad_videos), retry_failed, static_cast<int>(logits), float16, gzip_level, batch,
      precision_name(precision), choice_name(dist.device), dist.timeout_s);
}

void encode_videos(const EncodeOptions& options, dist::Communicator& communicator) {
  Job(options, communicator).run();
}

}  // namespace alignment::encoding
