#include "client/cluster/clusters.h"

#include "client/cluster/docker/docker.h"
#include "client/cluster/local/local.h"
#include "client/ui/suggest.h"

namespace rdev::cluster {

const std::vector<std::string_view>& Clusters::names() {
  static const std::vector<std::string_view> kNames = {"local", "docker"};
  return kNames;
}

Result<std::unique_ptr<Cluster>> Clusters::make(const std::string& name) {
  if (name == "docker") {
    return make_docker(executor_, DockerOptions{});
  }
  if (name == "local") {
    auto program = state::own_program();
    if (!program) {
      return tl::make_unexpected(program.error());
    }
    return make_local(executor_, {.paths = paths_, .keeper_program = std::move(*program)});
  }
  return fail(Code::kUsage, "there is no cluster '" + name + "'" + ui::did_you_mean(name, names()) +
                                " (there are: local, docker)");
}

Result<Cluster*> Clusters::get(const std::string& name) {
  auto& slot = made_[name];
  if (!slot) {
    auto cluster = make(name);
    if (!cluster) {
      return tl::make_unexpected(cluster.error());
    }
    slot = std::move(*cluster);
  }
  return slot.get();
}

}  // namespace rdev::cluster
