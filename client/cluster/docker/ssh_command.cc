#include "client/cluster/docker/ssh_command.h"

namespace rdev::cluster::docker {

std::vector<std::string> ssh_command(const EngineAddress& address) {
  std::vector<std::string> argv = {"ssh", "-T", "-o", "ConnectTimeout=30"};
  if (!address.user.empty()) {
    argv.insert(argv.end(), {"-l", address.user});
  }
  if (!address.port.empty()) {
    argv.insert(argv.end(), {"-p", address.port});
  }
  argv.insert(argv.end(), {"--", address.host, "docker"});
  if (!address.path.empty()) {
    argv.insert(argv.end(), {"--host", "unix://" + address.path});
  }
  argv.insert(argv.end(), {"system", "dial-stdio"});
  return argv;
}

}  // namespace rdev::cluster::docker
