#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "client/cluster/local/proc.h"

namespace rdev::cluster {

// Variables in the environment of every process of a job: what is left of it can be found even when
// the laptop's state is lost and the agent was killed.
inline constexpr char kJobIdLabel[] = "RDEV_JOB_ID";
inline constexpr char kJobNameLabel[] = "RDEV_JOB_NAME";
inline constexpr char kOwnerLabel[] = "RDEV_OWNER";
// Only in the keeper's: what is needed to take a job over.
inline constexpr char kKeeperSocketLabel[] = "RDEV_KEEPER_SOCKET";
inline constexpr char kKeeperHostKeyLabel[] = "RDEV_KEEPER_HOST_KEY";

struct FoundJob {
  std::string id, name, owner;
  std::optional<ProcessId> keeper;  // nullopt: only strays are left
  std::string socket, host_public_key;
};
// The jobs of `owner` that have a process.
std::vector<FoundJob> find_jobs_of(const std::string& owner);
// What the labels of one process say; nullopt when it has none.
std::optional<FoundJob> read_labels(const ProcessId& process);
std::optional<ProcessId> find_keeper(const std::string& job_id);

// Sends SIGKILL to every process of the job and, when `root` is not 0, to all below it, until none
// is left; never to `root` or to the caller. Blocks while the kernel ends them, some milliseconds.
Result<void> kill_job(const std::string& job_id, pid_t root);

}  // namespace rdev::cluster
