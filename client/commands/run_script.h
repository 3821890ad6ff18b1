#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace rdev::commands {

// What `rdev job run` makes of a command: shell scripts, for /bin/sh of any image.
struct RunScript {
  std::string directory;  // in the job, of this run (and instance) alone; the shell reads it
  std::chrono::seconds patience;  // until somebody lets the command begin
  std::vector<std::string> pip;   // requirements, as pip install takes them
  std::string python;  // for pip, and for a command that begins with "python"; may be empty
  std::vector<std::string> command;
};

// The job's own command: waits until it may begin (a command that ends at once would be gone before
// anybody has seen the job), installs the packages, and becomes the command, in a directory of its
// own.
std::vector<std::string> job_command(const RunScript& script);

// What lets it begin, from another session: takes the sources for that directory, a tar archive on
// stdin, and compares its SHA-256 (lower-case hex; empty: there are no sources) where the image
// can.
std::vector<std::string> delivery_command(const RunScript& script, const std::string& sha256);

}  // namespace rdev::commands
