#include "client/cluster/clusters.h"

#include "client/cluster/docker/docker.h"
#include "client/cluster/local/local.h"
#include "client/cluster/openpai/openpai.h"
#include "client/templates/cluster_entry.h"
#include "client/ui/suggest.h"

namespace rdev::cluster {

std::vector<std::string> Clusters::names(const state::Paths& paths) {
  std::vector<std::string> names = {"local", "docker"};
  for (std::string& added : templates::cluster_names(paths)) {
    names.push_back(std::move(added));
  }
  return names;
}

Result<void> Clusters::check_name(const state::Paths& paths, const std::string& name) {
  const std::vector<std::string> known = names(paths);
  std::string list;
  for (const std::string& one : known) {
    if (one == name) {
      return {};
    }
    list += (list.empty() ? "" : ", ") + one;
  }
  return fail(Code::kUsage, "there is no cluster '" + name + "'" +
                                ui::did_you_mean(name, {known.begin(), known.end()}) +
                                " (there are: " + list + "; rdev cluster add adds one)");
}

Result<std::string> Clusters::kind(const state::Paths& paths, const std::string& name) {
  if (auto known = check_name(paths, name); !known) {
    return tl::make_unexpected(known.error());
  }
  if (name == "local" || name == "docker") {
    return name;
  }
  auto entry = templates::load_cluster(paths, name);
  if (!entry) {
    return tl::make_unexpected(entry.error());
  }
  return entry->kind;
}

Result<std::unique_ptr<Cluster>> Clusters::make_added(const std::string& name) {
  auto entry = templates::load_cluster(paths_, name);
  if (!entry) {
    return tl::make_unexpected(entry.error());
  }
  return make_openpai(paths_, std::move(*entry));
}

Result<std::unique_ptr<Cluster>> Clusters::make(const std::string& name, const Pin& pin) {
  if (auto known = check_name(paths_, name); !known) {
    return tl::make_unexpected(known.error());
  }
  if (name == "docker") {
    return make_docker(executor_, {.host = {}, .variables = pin});
  }
  if (name != "local") {
    return make_added(name);
  }
  auto program = state::own_program();
  if (!program) {
    return tl::make_unexpected(program.error());
  }
  return make_local(executor_, {.paths = paths_, .keeper_program = std::move(*program)});
}

Result<Cluster*> Clusters::get(const std::string& name, const Pin& pin) {
  auto& slot = made_[{name, pin}];
  if (!slot) {
    auto cluster = make(name, pin);
    if (!cluster) {
      return tl::make_unexpected(cluster.error());
    }
    slot = std::move(*cluster);
  }
  return slot.get();
}

Result<Pin> Clusters::pin(const std::string& name) {
  return name == "docker" ? pin_docker_engine() : Result<Pin>();
}

void Clusters::put(const std::string& name, std::unique_ptr<Cluster> cluster) {
  made_[{name, {}}] = std::move(cluster);
}

}  // namespace rdev::cluster
