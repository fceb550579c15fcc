#include "src/programs/dejavid_convert/common_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"
#include "io/destination.hpp"
#include "io/durable_file.hpp"
#include "io/formats/logit_order.hpp"
#include "io/result_file.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/progress.hpp"
#include "src/job/terminal/terminal.hpp"

namespace alignment {
namespace {

/// Ends the conversion at the next sample, so that the unfinished file is removed on the way out.
void stop_if_asked() {
  if (stop_requested()) {
    throw std::runtime_error("stopped by a signal; the unfinished store is removed");
  }
}

/// Names the temporary files beside `out` that killed conversions left. They are never removed: on a shared file system
/// nothing tells one that another host is still writing.
void warn_of_unfinished(const std::filesystem::path& out) {
  const std::filesystem::path file = io::regular_file(out);
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const std::string beginning = file.filename().string() + ".";
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

/// Of which classes the logits are taken to be: an order that is not the encoder's shows in no other way.
std::string describe_logits(const OutputOptions& options, const std::vector<std::string>& class_names) {
  io::FirstFew classes;
  for (const std::string& name : class_names) classes.add(io::printable(name));
  const std::string sets =
      options.logits > std::ssize(class_names) ? fmt::format("sets of {} logits", class_names.size()) : "logits";
  if (!options.logits_classes) {
    return fmt::format(
        "note: --logits: the last {} features of a step are taken for {} of the classes in this order: {}; where the "
        "encoder has another, give it by --logits-classes",
        options.logits, sets, classes.text());
  }
  return fmt::format(
      "note: --logits: the last {} features of a step are taken for {} in the order of {}, and put in that of the "
      "store's classes: {}",
      options.logits, sets, options.logits_classes->string(), classes.text());
}

/// Says what alignment cannot use; often a reader upstream that stopped, or a column that was never filled.
void note_constants(const io::StoreTotals& totals) {
  if (const std::size_t count = totals.still_samples.count(); count > 0) {
    terminal::write_line(
        fmt::format("note: {} the same features at every step ({}): nothing happens in {}; look at what made {}",
                    count == 1 ? "1 sample has" : fmt::format("{} samples have", count), totals.still_samples.text(),
                    count == 1 ? "it" : "them", count == 1 ? "it" : "them"));
  }
  if (const std::size_t count = totals.constant_features.count(); count > 0) {
    terminal::write_line(
        fmt::format("note: {} of {} features {} the same at every step of all samples ({}, counted from 0): {} no "
                    "classes apart; look at what made {}",
                    count, totals.feature_dim, count == 1 ? "is" : "are", totals.constant_features.text(),
                    count == 1 ? "it tells" : "they tell", count == 1 ? "it" : "them"));
  }
}

}  // namespace

void add_output_options(CLI::App& subcommand, OutputOptions& options) {
  subcommand.add_option("--out", options.out, "store to write; must not exist yet")->required()->type_name("FILE.h5");
  subcommand.add_flag("--float16", options.float16, "store features as f16: half the size, three decimal digits");
  subcommand.add_option("--gzip", options.gzip_level, "compress, 1 (fast) to 9 (small); 0, the default, does not")
      ->transform(whole_number(0, 9))
      ->type_name("LEVEL");
  subcommand.add_option("--encoder", options.encoder, "what made the features, kept in the store as free text")
      ->type_name("TEXT");
  CLI::Option* logits =
      subcommand
          .add_option("--logits", options.logits,
                      "the last COUNT features of every step are the encoder's logits, one a class in class order, or "
                      "several such sets; eval then compares with their mean over time")
          ->transform(whole_number(std::int64_t{1}, std::numeric_limits<std::int64_t>::max()))
          ->type_name("COUNT");
  subcommand
      .add_option("--logits-classes", options.logits_classes,
                  "the encoder's order of its logits, a class a line, every class once; they are put in class order")
      ->needs(logits)
      ->type_name("FILE");
  subcommand
      .add_option_function<std::string>(
          "--data.bad_samples", [&options](const std::string& choice) { options.skip_bad_samples = choice == "skip"; },
          "samples with NaN or infinity: refuse, the default, or skip, which leaves them out and says which")
      ->check(CLI::IsMember({"refuse", "skip"}).description(""))
      ->type_name("refuse|skip");
  add_progress_option(subcommand, options);
}

void add_progress_option(CLI::App& subcommand, OutputOptions& options) {
  static const std::map<std::string, ProgressChoice> choices = {{"auto", ProgressChoice::kAuto},
                                                                {"bar", ProgressChoice::kBar},
                                                                {"plain", ProgressChoice::kPlain},
                                                                {"off", ProgressChoice::kOff}};
  subcommand
      .add_option_function<std::string>(
          "--progress", [&options](const std::string& choice) { options.progress = choices.at(choice); },
          "how to show progress; auto is a bar on a terminal, else plain lines")
      ->check(CLI::IsMember({"auto", "bar", "plain", "off"}).description(""))
      ->type_name("auto|bar|plain|off");
}

void require_text(const char* option, const std::string& text) {
  if (!io::is_utf8(text)) {
    throw std::invalid_argument(
        fmt::format("{}: found a text that is not UTF-8; expected UTF-8; spell it otherwise", option));
  }
}

void convert(io::SampleSource& samples, const OutputOptions& options) {
  require_text("--encoder", options.encoder);
  std::unique_ptr<io::SampleSource> ordered;
  if (options.logits_classes) {
    ordered = io::with_logits_in_class_order(samples, options.logits, *options.logits_classes);
  }
  io::SampleSource& source = ordered ? *ordered : samples;
  warn_of_unfinished(options.out);
  for (const std::string& note : source.notes()) terminal::write_line("note: " + note);
  const io::TseStoreHeader& header = source.header();
  if (options.logits > 0 && io::fits_logits(options.logits, std::ssize(header.class_names), header.feature_dim)) {
    terminal::write_line(describe_logits(options, header.class_names));
  }
  install_stop_signals();
  io::StoreTotals totals;
  {
    Progress progress(options.progress, "writing " + options.out.filename().string(), source.sample_count(), "samples");
    const io::TseWriterOptions writer_options{
        .feature_type = options.float16 ? io::FeatureType::kFloat16 : io::FeatureType::kFloat32,
        .gzip_level = options.gzip_level,
        .replace = options.replace};
    const auto not_finite = options.skip_bad_samples ? io::NotFiniteSamples::kLeaveOut : io::NotFiniteSamples::kRefuse;
    totals = io::write_store(source, options.out, writer_options, options.encoder, options.logits, not_finite, [&] {
      progress.advance(1);
      stop_if_asked();
    });
  }
  for (const std::string& note : source.closing_notes()) terminal::write_line("note: " + note);
  if (totals.left_out.count() > 0) {
    terminal::write_line(
        fmt::format("warning: --data.bad_samples skip: left out {} of {} samples, which are not finite: {}",
                    totals.left_out.count(), source.sample_count(), totals.left_out.text()));
  }
  if (totals.faint.count > 0) {
    terminal::write_line(fmt::format(
        "warning: {}:features: found {} of {} features too small for f16, which keeps few of their digits or none "
        "(first "
        "feature {}, at most {:.3g}); expected values of at least 6e-05; store f32 (without --float16), or scale them",
        options.out.string(), totals.faint.count, totals.feature_dim, totals.faint.first, totals.faint.largest));
  }
  if (options.note_constants) note_constants(totals);
  const std::string length = totals.shortest == totals.longest
                                 ? fmt::format("{}", totals.shortest)
                                 : fmt::format("{} to {}", totals.shortest, totals.longest);
  io::write_standard_output(fmt::format("{}: {} train, {} val, {} test samples; {} classes; F = {}; T = {}; {} bytes\n",
                                        io::printable(options.out.string()), totals.samples_of_split[0],
                                        totals.samples_of_split[1], totals.samples_of_split[2], totals.classes,
                                        totals.feature_dim, length, totals.bytes));
}

}  // namespace alignment
