#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/bytes/csv_field.hpp"
#include "io/bytes/utf8.hpp"
#include "io/result_file.hpp"
#include "io/store/splits.hpp"
#include "io/store/store_check.hpp"
#include "io/store/tse_store.hpp"
#include "src/programs/dejavid_convert/commands.hpp"

namespace alignment {
namespace {

const char* type_name(io::FeatureType type) {
  return type == io::FeatureType::kFloat16 ? "f16" : "f32";
}

std::string to_text(const io::StoreSummary& store) {
  const std::string length = store.shortest == store.longest ? fmt::format("{}", store.shortest)
                                                             : fmt::format("{} to {}, median {}", store.shortest,
                                                                           store.longest, store.median_length);
  std::string text = fmt::format("{}\n", io::printable(store.file.string()));
  const auto line = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<13} {}\n", name, io::printable(value));
  };
  line("samples", fmt::format("{} ({} train, {} val, {} test)", store.sample_count, store.samples_of[0],
                              store.samples_of[1], store.samples_of[2]));
  line("steps T", fmt::format("{}; {} in all", length, store.step_count));
  line("features F", fmt::format("{} {}", store.feature_dim, type_name(store.feature_type)));
  line("stored", store.filters.empty() ? "without filters" : fmt::format("{}", fmt::join(store.filters, ", ")));
  line("bytes", fmt::format("{}, of which features {}", store.bytes, store.feature_bytes));
  line("encoder", store.encoder);
  line("source", store.source);
  line("digests", store.has_digests ? "yes" : "no: its content cannot be checked");
  line("frame labels", !store.has_frame_labels     ? "no"
                       : store.phase_names.empty() ? "yes"
                                                   : fmt::format("yes, phases {}", fmt::join(store.phase_names, ", ")));
  line("timestamps", store.has_timestamps ? "yes" : "no");
  line("logits", store.logits > 0 ? fmt::format("the last {} features of a step", store.logits) : "none said");
  if (store.unlabelled > 0) line("without label", fmt::format("{} samples", store.unlabelled));
  line("classes", fmt::format("{}: samples (train)", store.class_names.size()));
  for (std::size_t label = 0; label < store.class_names.size(); ++label) {
    text += fmt::format("  {:>5} {}: {} ({})\n", label, io::printable(store.class_names[label]),
                        store.class_counts[label], store.class_train_counts[label]);
  }
  return text;
}

nlohmann::ordered_json to_json(const io::StoreSummary& store) {
  nlohmann::ordered_json classes = nlohmann::ordered_json::array();
  for (std::size_t label = 0; label < store.class_names.size(); ++label) {
    classes.push_back({{"label", label},
                       {"name", store.class_names[label]},
                       {"samples", store.class_counts[label]},
                       {"train_samples", store.class_train_counts[label]}});
  }
  return {{"file", store.file.string()},
          {"bytes", store.bytes},
          {"samples", store.sample_count},
          {"train_samples", store.samples_of[0]},
          {"val_samples", store.samples_of[1]},
          {"test_samples", store.samples_of[2]},
          {"steps", store.step_count},
          {"shortest", store.shortest},
          {"median_length", store.median_length},
          {"longest", store.longest},
          {"feature_dim", store.feature_dim},
          {"feature_type", type_name(store.feature_type)},
          {"chunk", store.chunk},
          {"filters", store.filters},
          {"feature_bytes", store.feature_bytes},
          {"encoder", store.encoder},
          {"source", store.source},
          {"has_digests", store.has_digests},
          {"has_frame_labels", store.has_frame_labels},
          {"has_timestamps", store.has_timestamps},
          {"phase_names", store.phase_names},
          {"identity", fmt::format("{:016x}", store.identity)},
          {"logits", store.logits},
          {"unlabelled_samples", store.unlabelled},
          {"num_classes", store.class_names.size()},
          {"classes", std::move(classes)}};
}

/// A line a sample, in the order of the store.
std::string samples_text(const std::filesystem::path& file) {
  const io::TseStore store({file});
  std::string text = "id,split,label,steps\n";
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
    text += fmt::format("{},{},{},{}\n", io::csv_field(store.id(sample)), io::name_of(store.split(sample)),
                        io::csv_field(store.class_name(sample)), store.length(sample));
  }
  return text;
}

}  // namespace

void add_info(CLI::App& program) {
  struct Options {
    std::filesystem::path store, json_file;
    bool samples = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("info", "print what a store holds");
  command->add_option("store", options->store, "store to describe")->required()->type_name("FILE.h5");
  CLI::Option* json =
      command->add_option("--json", options->json_file, "also write it as JSON")->type_name("FILE.json");
  command->add_flag("--samples", options->samples, "print its samples instead, as CSV: id, split, label, steps")
      ->excludes(json);
  command->callback([options] {
    if (options->samples) return io::write_standard_output(samples_text(options->store));
    const io::StoreSummary summary = io::summarize_store(options->store);
    std::optional<io::ResultFile> result;
    if (!options->json_file.empty()) result.emplace(options->json_file, std::vector{options->store});
    if (!result || !result->is_standard_output()) io::write_standard_output(to_text(summary));
    if (result) {
      result->write(to_json(summary).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
    }
  });
}

}  // namespace alignment
