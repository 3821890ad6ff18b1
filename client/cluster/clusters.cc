#include "client/cluster/clusters.h"

#include <algorithm>

#include "client/cluster/docker/docker.h"
#include "client/cluster/local/local.h"
#include "client/ui/suggest.h"

namespace rdev::cluster {

const std::vector<std::string_view>& Clusters::names() {
  static const std::vector<std::string_view> kNames = {"local", "docker"};
  return kNames;
}

Result<void> Clusters::check_name(const std::string& name) {
  if (std::find(names().begin(), names().end(), name) != names().end()) {
    return {};
  }
  return fail(Code::kUsage, "there is no cluster '" + name + "'" + ui::did_you_mean(name, names()) +
                                " (there are: local, docker)");
}

Result<std::unique_ptr<Cluster>> Clusters::make(const std::string& name, const Pin& pin) {
  if (auto known = check_name(name); !known) {
    return tl::make_unexpected(known.error());
  }
  if (name == "docker") {
    return make_docker(executor_, {.host = {}, .variables = pin});
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
