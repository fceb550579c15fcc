// The subcommands that write a store: parse, open the source, convert.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "io/bytes/first_few.hpp"
#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/labelled.hpp"
#include "io/formats/listed.hpp"
#include "io/formats/merged.hpp"
#include "io/formats/python/torch.hpp"
#include "io/formats/synthetic/synthetic.hpp"
#include "io/formats/text/ts.hpp"
#include "io/result_file.hpp"
#include "io/store/encoder_names.hpp"
#include "io/store/store_check.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/terminal/log.hpp"
#include "src/job/terminal/terminal.hpp"
#include "src/programs/dejavid_convert/commands.hpp"
#include "src/programs/dejavid_convert/common_options.hpp"

namespace alignment {

void add_ts(CLI::App& program) {
  struct Options {
    std::filesystem::path train;
    std::optional<std::filesystem::path> test;
    std::optional<std::string> id_prefix;
    OutputOptions output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("ts", "make a store from UEA/UCR .ts files");
  command->add_option("--train", options->train, "file of the training samples")->required()->type_name("FILE.ts");
  command->add_option("--test", options->test, "file of the test samples")->type_name("FILE.ts");
  command
      ->add_option("--id-prefix", options->id_prefix,
                   "ids are PREFIX_train_000000 ...; default the training file's name without _TRAIN.ts")
      ->type_name("PREFIX");
  add_output_options(*command, options->output);
  command->callback([options] {
    require_text("--id-prefix", options->id_prefix.value_or(""));
    convert(*io::open_ts(options->train, options->test, options->id_prefix), options->output);
  });
}

void add_torch(CLI::App& program) {
  struct Options {
    io::TorchInput input;
    OutputOptions output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("torch", "make a store from the reference implementation's data");
  command
      ->add_option("--features", options->input.features, "folder of torch.save'd tensors [T,F] or dicts id -> tensor")
      ->required()
      ->type_name("FOLDER");
  command->add_option("--splits", options->input.splits, "dict id -> train, val or test, as .pkl or .json")
      ->required()
      ->type_name("FILE");
  command->add_option("--labels", options->input.labels, "dict id -> integer or name, as .pkl or .json")
      ->required()
      ->type_name("FILE");
  command->add_option("--files", options->input.files, "dict id -> file name within the folder, as .pkl or .json")
      ->required()
      ->type_name("FILE");
  add_output_options(*command, options->output);
  command->callback([options] { convert(*io::open_torch(options->input), options->output); });
}

void add_npy(CLI::App& program) {
  struct Options {
    std::filesystem::path manifest;
    std::optional<double> rate;
    bool leave_out_missing = false;
    OutputOptions output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("npy", "make a store from files of features (.npy, .pt, .csv) listed in a CSV manifest");
  command
      ->add_option("--manifest", options->manifest,
                   "columns id,file,label,split, the label empty where it is unknown; file, as seen from the "
                   "manifest's folder: an "
                   "array [T,F] of numpy.save, a tensor of torch.save, or CSV with T rows of F numbers, in any mixture")
      ->required()
      ->type_name("FILE.csv");
  command
      ->add_option("--rate", options->rate,
                   "steps a second, for times in the store: that of step n is n / HZ; default no times")
      ->check([](const std::string& word) {
        const io::ParsedNumber hertz = io::parse_number(word);
        if (hertz.well_formed && std::isfinite(hertz.value) && hertz.value > 0) return std::string();
        return fmt::format("found {}; expected a number above 0 of steps a second", word);
      })
      ->type_name("HZ");
  command
      ->add_option_function<std::string>(
          "--missing-files", [options](const std::string& choice) { options->leave_out_missing = choice == "skip"; },
          "lines whose file is not there: refuse, the default, or skip, which leaves them out and says which")
      ->check(CLI::IsMember({"refuse", "skip"}).description(""))
      ->type_name("refuse|skip");
  add_output_options(*command, options->output);
  command->callback([options] {
    const auto absent = options->leave_out_missing ? io::AbsentFiles::kLeaveOut : io::AbsentFiles::kRefuse;
    convert(*io::open_listed(options->manifest, options->rate, absent), options->output);
  });
}

void add_synthetic(CLI::App& program) {
  struct Options {
    std::string preset;
    std::int64_t samples = 0, val_samples = 0;
    std::optional<std::int64_t> classes, steps, features;
    std::uint64_t seed = 0;
    OutputOptions output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("synthetic", "make a store whose classes differ in the order of events only");
  command->add_option("--preset", options->preset, "the shape: hmdb51, k400, ssv2 or order (small)")
      ->required()
      ->type_name("NAME");
  const auto number = [&](const char* name, auto& value, const char* what, const char* type) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();  // the set knows its own limits
    return command->add_option(name, value, what)->transform(whole_number(std::int64_t{0}, kMost))->type_name(type);
  };
  number("--samples", options->samples, "training samples", "N")->required();
  number("--val-samples", options->val_samples, "validation samples; default 0", "N");
  number("--classes", options->classes, "instead of the preset's", "C");
  number("--steps", options->steps, "every sample's length, instead of the preset's", "T");
  number("--features", options->features, "instead of the preset's", "F");
  command->add_option("--seed", options->seed, "the same seed gives the same store; default 0")
      ->transform(whole_number(std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()))
      ->type_name("S");
  add_output_options(*command, options->output);
  command->callback([options] {
    io::SyntheticOptions set = io::synthetic_preset(options->preset);
    set.train_samples = options->samples;
    set.val_samples = options->val_samples;
    set.seed = options->seed;
    set.classes = options->classes.value_or(set.classes);
    set.features = options->features.value_or(set.features);
    if (options->steps) {
      set.length = {.shortest = *options->steps, .longest = *options->steps, .median = 0};
    }
    convert(*io::make_synthetic(set), options->output);
  });
}

void add_merge(CLI::App& program) {
  struct Options {
    std::vector<std::filesystem::path> stores;
    OutputOptions output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "merge", "make one store of several that have the same features; classes are matched by name");
  command->add_option("stores", options->stores, "stores to join, in this order")->required()->type_name("FILE.h5");
  add_output_options(*command, options->output);
  command->callback([options] {
    const std::unique_ptr<io::MergedSource> source = io::open_merged(options->stores);
    const std::string warning = io::warning_of_mixed_encoders(io::encoders_of(source->header().encoder));
    if (!warning.empty()) log_warning(fmt::format("{}: {}", source->describe_files(), warning));
    OutputOptions output = options->output;
    output.float16 = output.float16 || source->all_float16();
    convert(*source, output);
  });
}

namespace {

/// "231 frames with a phase (walk 200, run 31), 12 without; samples: phases of 2 replaced, of 7 kept".
std::string describe_phases(const io::LabelledSource& source, bool replace_all) {
  io::FirstFew shown;
  std::int64_t frames = 0;
  const auto& counts = source.frames_of_phases();
  for (std::size_t phase = 0; phase < counts.size(); ++phase) {
    frames += counts[phase];
    const auto& names = source.header().phase_names;
    shown.add(fmt::format("{} {}", phase < names.size() ? io::printable(names[phase]) : fmt::format("phase {}", phase),
                          counts[phase]));
  }
  return fmt::format("{} frames with a phase ({}), {} without; samples: phases of {} replaced, of {} {}", frames,
                     shown.text(), source.frames_without_phase(), source.samples_named(), source.other_samples(),
                     replace_all ? "dropped" : "kept");
}

/// The names of --phases, with commas between them; not cut by CLI11, which drops empty ones. Throws
/// std::invalid_argument.
std::vector<std::string> names_of(const std::vector<std::string>& words) {
  const std::string text = fmt::format("{}", fmt::join(words, ","));
  require_text("--phases", text);
  std::vector<std::string> names;
  if (words.empty()) return names;
  for (const std::string_view word : io::split_text(text, ',')) {
    const std::string name(io::trim(word));
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
      throw std::invalid_argument(
          fmt::format("--phases: found {}; expected every name once, with commas between them; correct it",
                      name.empty() ? "an empty name" : fmt::format("\"{}\" twice", io::printable(name))));
    }
    names.push_back(name);
  }
  return names;
}

}  // namespace

namespace {

/// What a store holds that is not a store's does not come into the new one: refused where that replaces it.
void tell_what_stays_behind(const std::filesystem::path& store, bool replaced) {
  io::FirstFew foreign;
  for (const std::string& name : io::foreign_content(store)) foreign.add(io::printable(name));
  if (foreign.count() == 0) return;
  if (!replaced) {
    terminal::write_line(fmt::format("note: {}: what is no part of a store is not in the new one: {}",
                                     io::printable(store.string()), foreign.text()));
    return;
  }
  throw io::StoreError(fmt::format(
      "{}: found what is no part of a store and would be lost: {}; expected a store alone to replace; write "
      "another one (--out NEW.h5)",
      store.string(), foreign.text()));
}

}  // namespace

void add_labels(CLI::App& program) {
  struct Options {
    std::filesystem::path store, labels;
    std::vector<std::string> phases;
    bool replace_all = false;
    OutputOptions output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("labels", "say which phase each frame of a store's samples belongs to");
  command->add_option("--store", options->store, "store whose frames get phases")->required()->type_name("FILE.h5");
  command
      ->add_option("--labels", options->labels,
                   "columns id, first frame, last frame, phase, frames counted from 0 and both included; other frames "
                   "of a sample in it have no phase, other samples keep theirs")
      ->required()
      ->type_name("FILE.csv");
  command
      ->add_option("--phases", options->phases,
                   "names of the phases 0, 1, ... in this order; without it names are numbered as they first appear, "
                   "behind those that samples keep")
      ->type_name("A,B,...");
  command->add_flag("--replace-all", options->replace_all, "samples that the file does not name lose their phases");
  const CLI::Option* out =
      command
          ->add_option("--out", options->output.out,
                       "store to write; must not exist yet; without it the store is replaced once the new one is whole")
          ->type_name("FILE.h5");
  add_progress_option(*command, options->output);
  command->callback([options, out] {
    const std::vector<std::string> phases = names_of(options->phases);
    const std::unique_ptr<io::LabelledSource> source =
        io::open_labelled(options->store, options->labels, phases,
                          options->replace_all ? io::UnnamedSamples::kDrop : io::UnnamedSamples::kKeep);
    OutputOptions output = options->output;
    output.note_constants = false;  // the store's features are as they were
    output.replace = out->count() == 0;
    if (output.replace) output.out = options->store;
    tell_what_stays_behind(options->store, output.replace);
    output.float16 = source->features().feature_type == io::FeatureType::kFloat16;
    output.gzip_level = source->features().gzip_level;
    convert(*source, output);
    io::write_standard_output(
        fmt::format("{}: {}\n", io::printable(output.out.string()), describe_phases(*source, options->replace_all)));
  });
}

}  // namespace alignment
