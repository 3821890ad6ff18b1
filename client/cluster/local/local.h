#pragma once

#include <filesystem>
#include <memory>

#include "client/cluster/cluster.h"
#include "client/state/paths.h"

namespace rdev::cluster {

struct LocalOptions {
  state::Paths paths;
  // The program that has the keeper's command (keeper.h): this one, unless a test says otherwise.
  std::filesystem::path keeper_program;
};

// Jobs as process trees of this machine, as this user: no root, no docker, no image. A job's
// private directory is jobs/NAME/local of the state; its agent listens on a unix socket only.
std::unique_ptr<Cluster> make_local(asio::any_io_executor executor, LocalOptions options);

}  // namespace rdev::cluster
