#include "src/programs/dejavid_bench/parts.hpp"

namespace dejavid::bench {

void add_json_option(CLI::App& subcommand, Choice& choice) {
  subcommand.add_option("--json", choice.json_file, "also write machine and records to this file; replaces it")
      ->type_name("FILE");
}

}  // namespace dejavid::bench
