#pragma once

#include <string>

#include "client/link/background.h"
#include "client/tunnels/holder.h"

namespace rdev::tunnels {

inline link_process::Background holder_background(const state::Paths& paths,
                                                  const std::string& job) {
  return {.command = kHolderCommand,
          .job = job,
          .files = state::background_files(paths, job, "hold"),
          .variables = state::path_variables(paths)};
}

}  // namespace rdev::tunnels
