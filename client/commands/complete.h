#pragma once

#include <string>

namespace rdev::commands {

// What the completion scripts call to learn the names of jobs and clusters: `rdev complete-jobs`.
// They read files only, so they answer at once.
inline constexpr char kCompleteJobs[] = "complete-jobs";
int print_job_names();
inline constexpr char kCompleteClusters[] = "complete-clusters";
int print_cluster_names();

enum class Shell { kBash, kZsh, kFish };
// Made from the table of commands and the options that they declare.
std::string completion_script(Shell shell);

}  // namespace rdev::commands
