#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::state {

// Where things are: under $RDEV_HOME when it is set (config/, state/, run/ in it), else under the
// XDG directories. Directories are made with mode 0700 when first written to.
struct Paths {
  std::filesystem::path config;  // clusters, the long-lived key
  std::filesystem::path state;   // jobs/NAME/…, ssh.d/NAME.conf
  // Sockets: $RDEV_HOME/run, or $XDG_RUNTIME_DIR/rdev, or a 0700 directory of ours in /tmp; the
  // first of them whose name leaves room for a socket's (sockaddr_un has 107 bytes).
  std::filesystem::path runtime;
  std::string rdev_home;  // $RDEV_HOME, made absolute; empty when it is not set
};

Result<Paths> find_paths();

// The variables with which find_paths() finds these again in any environment.
std::vector<std::pair<std::string, std::string>> path_variables(const Paths& paths);

// $HOME; Code::kUsage when it is not an absolute path.
Result<std::filesystem::path> home_dir();

// The absolute path of the running program.
Result<std::filesystem::path> own_program();

// Beside the running program, or under its ../share/rdev or ../libexec/rdev: "rdev-agent",
// "jobtemplates/docker.yaml". Code::kNotFound says where was looked.
Result<std::filesystem::path> find_shared_file(const std::string& relative);

}  // namespace rdev::state
