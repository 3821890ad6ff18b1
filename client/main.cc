#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "client/cluster/local/keeper.h"
#include "client/cluster/openpai/nodes.h"
#include "client/commands/command.h"
#include "client/commands/complete.h"
#include "client/link/process.h"
#include "client/tunnels/holder.h"
#include "client/ui/suggest.h"

namespace {

using rdev::commands::Command;

constexpr int kUsage = 2;

void print_help() {
  std::fputs(
      "rdev: develop inside a cluster job as if it were local.\n\nUsage: rdev COMMAND "
      "[OPTIONS]\n\n",
      stdout);
  for (const Command& command : rdev::commands::command_table()) {
    std::printf("  %-11s %s\n              %s\n", command.name, command.summary, command.example);
  }
  std::fputs("\nrdev COMMAND --help explains one of them.\n", stdout);
}

const Command* find_command(std::string_view name) {
  for (const Command& command : rdev::commands::command_table()) {
    if (name == command.name) {
      return &command;
    }
  }
  return nullptr;
}

int unknown_command(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Command& command : rdev::commands::command_table()) {
    names.emplace_back(command.name);
  }
  std::fprintf(stderr, "rdev: there is no command '%s'%s (rdev --help lists them)\n", name.c_str(),
               rdev::ui::did_you_mean(name, names).c_str());
  return kUsage;
}

std::string help_of(const Command& command, const CLI::App& app) {
  std::string text = app.help();
  if (command.kind == Command::Kind::kTakesCommand) {
    const std::size_t usage = text.find("Usage:");
    text.insert(std::min(text.find('\n', usage), text.size()), " [-- CMD...]");
  }
  return text;
}

// Splits at the first "--": what follows belongs to the job.
int run_command(const Command& command, const std::vector<std::string>& words) {
  std::vector<std::string> options;
  std::size_t i = 0;
  while (i < words.size() && words[i] != "--") {
    options.push_back(words[i++]);
  }
  const bool separated = i < words.size();
  const std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(i + separated),
                                      words.end());
  if (separated && command.kind != Command::Kind::kTakesCommand) {
    std::fprintf(stderr, "rdev %s: takes no command after --\n", command.name);
    return kUsage;
  }
  CLI::App app(command.summary, std::string("rdev ") + command.name);
  app.footer(std::string("Example:\n  ") + command.example);
  const rdev::commands::Run run = command.setup(app, rest);
  try {
    app.parse(std::vector<std::string>(options.rbegin(), options.rend()));
  } catch (const CLI::CallForHelp&) {
    std::fputs(help_of(command, app).c_str(), stdout);
    return 0;
  } catch (const CLI::Error& error) {
    std::string name = command.name;
    if (const auto verbs = app.get_subcommands(); !verbs.empty()) {
      name += " " + verbs.front()->get_name();
    }
    std::fprintf(stderr, "rdev %s: %s (rdev %s --help explains it)\n", name.c_str(), error.what(),
                 name.c_str());
    return kUsage;
  }
  return run();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return words.empty() ? kUsage : 0;
  }
  if (words[0] == "--version") {
    std::puts("rdev " RDEV_VERSION);
    return 0;
  }
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (words[0] == rdev::cluster::kKeeperCommand) {
    return rdev::cluster::run_keeper(rest);
  }
  if (words[0] == rdev::link_process::kLinkCommand) {
    return rdev::link_process::run_link(rest);
  }
  if (words[0] == rdev::tunnels::kHolderCommand) {
    return rdev::tunnels::run_holder(rest);
  }
  if (words[0] == rdev::cluster::openpai::kJumpCommand) {
    return rdev::cluster::openpai::run_jump(rest);
  }
  if (words[0] == rdev::commands::kCompleteJobs) {
    return rdev::commands::print_job_names();
  }
  if (words[0] == rdev::commands::kCompleteClusters) {
    return rdev::commands::print_cluster_names();
  }
  const Command* command = find_command(words[0]);
  return command == nullptr ? unknown_command(words[0]) : run_command(*command, rest);
}
