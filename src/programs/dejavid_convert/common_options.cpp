#include "src/programs/dejavid_convert/common_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>
#include <vector>

#include "io/durable_file.hpp"
#include "io/first_few.hpp"
#include "src/run/progress.hpp"
#include "src/run/standard_output.hpp"
#include "src/run/terminal.hpp"

namespace dejavid {
namespace {

volatile std::sig_atomic_t stop_asked = 0;

/// Ends the conversion at the next sample, so that the unfinished file is removed on the way out.
void stop_if_asked() {
  if (stop_asked != 0) {
    throw std::runtime_error("stopped by a signal; the unfinished store is removed");
  }
}

/// Names the temporary files beside `out` that killed conversions left. They are never removed: on a shared file system
/// nothing tells one that another host is still writing.
void warn_of_unfinished(const std::filesystem::path& out) {
  const std::filesystem::path folder = out.has_parent_path() ? out.parent_path() : ".";
  const std::string beginning = out.filename().string() + ".";
  std::vector<std::string> names;
  std::error_code unreadable;  // the writer has more to say about such a folder
  for (std::filesystem::directory_iterator entry(folder, unreadable), end; !unreadable && entry != end;
       entry.increment(unreadable)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(beginning) && name.ends_with(io::kUnfinished)) names.push_back(name);
  }
  if (names.empty()) return;
  std::sort(names.begin(), names.end());
  io::FirstFew shown;
  for (const std::string& name : names) shown.add(name);
  terminal::write_line(
      fmt::format("warning: {}: found {} unfinished by earlier conversions ({}); expected none; remove what no program "
                  "is writing any more",
                  out.string(), names.size() == 1 ? "a file" : fmt::format("{} files", names.size()), shown.text()));
}

}  // namespace

void add_output_options(CLI::App& subcommand, OutputOptions& options) {
  static const std::map<std::string, ProgressChoice> choices = {{"auto", ProgressChoice::kAuto},
                                                                {"bar", ProgressChoice::kBar},
                                                                {"plain", ProgressChoice::kPlain},
                                                                {"off", ProgressChoice::kOff}};
  subcommand.add_option("--out", options.out, "store to write; must not exist yet")->required()->type_name("FILE.h5");
  subcommand.add_flag("--float16", options.float16, "store features as f16: half the size, three decimal digits");
  subcommand.add_option("--gzip", options.gzip_level, "compress, 1 (fast) to 9 (small); 0, the default, does not")
      ->check(CLI::Range(0, 9).description(""))
      ->type_name("LEVEL");
  subcommand.add_option("--encoder", options.encoder, "what made the features, kept in the store as free text")
      ->type_name("TEXT");
  subcommand
      .add_option_function<std::string>(
          "--progress", [&options](const std::string& choice) { options.progress = choices.at(choice); },
          "how to show progress; auto is a bar on a terminal, else plain lines")
      ->check(CLI::IsMember({"auto", "bar", "plain", "off"}).description(""))
      ->type_name("auto|bar|plain|off");
}

void convert(io::SampleSource& source, const OutputOptions& options) {
  warn_of_unfinished(options.out);
  std::signal(SIGINT, [](int) { stop_asked = 1; });
  std::signal(SIGTERM, [](int) { stop_asked = 1; });
  io::StoreTotals totals;
  {
    Progress progress(options.progress, "writing " + options.out.filename().string(), source.sample_count(), "samples");
    const io::TseWriterOptions writer_options{
        .feature_type = options.float16 ? io::FeatureType::kFloat16 : io::FeatureType::kFloat32,
        .gzip_level = options.gzip_level};
    totals = io::write_store(source, options.out, writer_options, options.encoder, [&] {
      progress.advance(1);
      stop_if_asked();
    });
  }
  if (totals.faint.count > 0) {
    terminal::write_line(fmt::format(
        "warning: {}:features: found {} of {} features too small for f16, which keeps few of their digits or none "
        "(first "
        "feature {}, at most {:.3g}); expected values of at least 6e-05; store f32 (without --float16), or scale them",
        options.out.string(), totals.faint.count, totals.feature_dim, totals.faint.first, totals.faint.largest));
  }
  const std::string length = totals.shortest == totals.longest
                                 ? fmt::format("{}", totals.shortest)
                                 : fmt::format("{} to {}", totals.shortest, totals.longest);
  print_result(fmt::format("{}: {} train, {} val, {} test samples; {} classes; F = {}; T = {}; {} bytes\n",
                           options.out.string(), totals.samples_of_split[0], totals.samples_of_split[1],
                           totals.samples_of_split[2], totals.classes, totals.feature_dim, length, totals.bytes));
}

}  // namespace dejavid
