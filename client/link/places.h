#pragma once

#include <string>

#include "client/link/background.h"
#include "client/link/process.h"

namespace rdev::link_process {

inline Background link_background(const state::Paths& paths, const std::string& job) {
  return {.command = kLinkCommand,
          .job = job,
          .files = state::background_files(paths, job, "link"),
          .variables = state::path_variables(paths)};
}

}  // namespace rdev::link_process
