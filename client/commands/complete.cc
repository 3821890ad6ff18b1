#include "client/commands/complete.h"

#include <map>
#include <memory>

#include "client/cluster/clusters.h"
#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/state/job_record.h"

namespace rdev::commands {
namespace {

const std::map<std::string, Shell> kShells = {
    {"bash", Shell::kBash}, {"zsh", Shell::kZsh}, {"fish", Shell::kFish}};

int complete(const std::string& shell) {
  const auto printed = print(completion_script(kShells.at(shell)));
  if (!printed) {
    note(printed.error().message);
  }
  return printed ? 0 : 1;
}

}  // namespace

int print_job_names() {
  const auto paths = state::find_paths();
  if (!paths) {
    return 1;
  }
  std::string names;
  for (const std::string& name : state::list_instances(*paths)) {
    names += name + "\n";
  }
  return print(names) ? 0 : 1;
}

int print_cluster_names() {
  const auto paths = state::find_paths();
  if (!paths) {
    return 1;
  }
  std::string names;
  for (const std::string& name : cluster::Clusters::names(*paths)) {
    names += name + "\n";
  }
  return print(names) ? 0 : 1;
}

Run setup_completion(CLI::App& app, const std::vector<std::string>&) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "The shell that is to know the commands, options, jobs, clusters")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return [shell] { return complete(*shell); };
}

}  // namespace rdev::commands
