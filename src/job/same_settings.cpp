#include "src/job/same_settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/text.hpp"
#include "io/bytes/digest.hpp"
#include "io/bytes/first_few.hpp"
#include "src/config/error.hpp"
#include "src/job/agreed.hpp"

namespace alignment {
namespace {

/// `--with = "a7"`, or `no --with`; of one of KeyOwner::kProcess without its word.
std::string text_of(const CommandOption& option, const Invocation& asked) {
  const auto given = asked.options.find(option.name);
  if (given == asked.options.end()) return "no --" + option.name;
  return option.owner == KeyOwner::kProcess ? "--" + option.name
                                            : fmt::format("--{} = {}", option.name, toml_text(given->second));
}

/// "key = value", one a line; every rank has the same keys and options.
std::vector<std::string> settings_of(const CommandTable& table, const Invocation& asked) {
  std::vector<std::string> lines{"subcommand = " + asked.command};
  for (const CommandOption& option : table.options) lines.push_back(text_of(option, asked));
  for (const Key& key : table.keys.keys()) {
    if (key.owner == KeyOwner::kProcess) continue;
    lines.push_back(fmt::format("{} = {}", key.full_name(), toml_text(key.value(*asked.config))));
  }
  return lines;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// `train.lr = 0.01 on rank 0 (host1), train.lr = 0.02 on ranks 1, 2 (host2)`, for the setting in line `number` of
/// every rank; empty where all have the same.
std::string describe_difference(const std::vector<std::vector<std::string>>& settings,
                                const std::vector<std::string>& hosts, std::size_t number) {
  struct Holder {
    std::string setting;
    io::FirstFew ranks, hosts;
    std::string last_host;
  };
  std::vector<Holder> holders;
  for (std::size_t rank = 0; rank < settings.size(); ++rank) {
    const std::string& setting = settings[rank][number];
    auto holder =
        std::find_if(holders.begin(), holders.end(), [&](const Holder& one) { return one.setting == setting; });
    if (holder == holders.end()) holder = holders.insert(holders.end(), Holder{setting, {}, {}, {}});
    holder->ranks.add(rank);
    if (holder->last_host != hosts[rank]) holder->hosts.add(hosts[rank]);  // ranks of a host mostly follow each other
    holder->last_host = hosts[rank];
  }
  if (holders.size() == 1) return "";
  std::vector<std::string> parts;
  for (const Holder& holder : holders) {
    parts.push_back(fmt::format("{} on {} {} ({})", holder.setting, holder.ranks.count() == 1 ? "rank" : "ranks",
                                holder.ranks.text(), holder.hosts.text()));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

void require_same_settings(const CommandTable& table, const Invocation& asked, dist::Communicator& communicator) {
  const std::string mine = fmt::format("{}", fmt::join(settings_of(table, asked), "\n"));
  io::Digest digest;
  digest.add(mine);
  if (dist::same_on_all_ranks(communicator, digest.value())) return;
  const std::vector<std::string> texts = dist::gather_text(communicator, mine);
  const std::vector<std::string> hosts = dist::gather_text(communicator, communicator.topology().host);
  agreed(communicator, [&] {  // what rank 0 says is what is told
    if (!communicator.is_root()) throw ConfigError("the settings differ");
    std::vector<std::vector<std::string>> settings;
    settings.reserve(texts.size());
    for (const std::string& text : texts) settings.push_back(lines_of(text));
    const bool alike = std::all_of(settings.begin(), settings.end(),
                                   [&](const auto& one) { return one.size() == settings.front().size(); });
    io::FirstFew differences;
    for (std::size_t number = 0; alike && number < settings.front().size(); ++number) {
      std::string difference = describe_difference(settings, hosts, number);
      if (!difference.empty()) differences.add(std::move(difference));
    }
    throw ConfigError(
        fmt::format("settings: found {}; expected the same on every rank; use one configuration and one version of the "
                    "program on all hosts",
                    alike ? differences.text() : "programs that know different keys"));
  });
}

}  // namespace alignment
