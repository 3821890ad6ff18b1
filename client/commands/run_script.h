#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace rdev::commands {

// What `rdev job run` makes of a command: shell scripts, for /bin/sh of any image.
struct RunScript {
  std::string directory;  // in the job, of this run (and instance) alone; the shell reads it
  // Until somebody lets the command begin, and until its results have been fetched.
  std::chrono::seconds patience;
  std::vector<std::string> pip;  // requirements, as pip install takes them
  std::string python;  // for pip, and for a command that begins with "python"; may be empty
  std::vector<std::string> command;
  bool keeps_results = false;  // the job (its first instance) ends when they have been fetched
};

// The job's own command: waits until it may begin (a command that ends at once would be gone before
// anybody has seen the job), installs the packages, and becomes the command, in a directory of its
// own.
std::vector<std::string> job_command(const RunScript& script);

// What lets it begin, from another session: takes the sources for that directory, a tar archive on
// stdin, and compares its SHA-256 (lower-case hex; empty: there are no sources) where the image
// can.
std::vector<std::string> delivery_command(const RunScript& script, const std::string& sha256);

// Where the first instance's command runs, for people.
std::string source_directory(const RunScript& script);

// Of a script that keeps its results, each for a session of its own:
// waits for the command's end and prints its code; it may be asked again;
std::vector<std::string> ended_command(const RunScript& script);
// prints a tar archive of one of them, under its last name; kNoResult when it is not there;
constexpr int kNoResult = 66;
std::vector<std::string> fetch_command(const RunScript& script, const std::string& path);
// lets the job end.
std::vector<std::string> fetched_command(const RunScript& script);

}  // namespace rdev::commands
