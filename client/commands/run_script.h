#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace rdev::commands {

// What `rdev job run` makes of a command: shell scripts, for /bin/sh of any image.
struct RunScript {
  std::string directory;          // of this run alone, in the job; absolute
  bool has_sources = false;       // which come after the job has begun
  std::chrono::seconds patience;  // for them
  std::vector<std::string> pip;   // requirements, as pip install takes them
  std::string python;  // for pip, and for a command that begins with "python"; may be empty
  std::vector<std::string> command;
};

// The job's own command: waits for the sources, installs the packages, becomes the command, in the
// sources' directory.
std::vector<std::string> job_command(const RunScript& script);

// What brings the sources in another session: takes a tar archive on stdin, compares its SHA-256
// (lower-case hex) where the image can, unpacks it, and lets the command go on.
std::vector<std::string> delivery_command(const RunScript& script, const std::string& sha256);

}  // namespace rdev::commands
