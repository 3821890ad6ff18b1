#pragma once

#include <string>

namespace rdev::commands {

// What the completion scripts call to learn the jobs' names: `rdev complete-jobs`. Reads the state
// only, so it answers at once.
inline constexpr char kCompleteCommand[] = "complete-jobs";
int print_job_names();

enum class Shell { kBash, kZsh, kFish };
// Made from the table of commands and the options that they declare.
std::string completion_script(Shell shell);

}  // namespace rdev::commands
