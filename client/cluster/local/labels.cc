#include "client/cluster/local/labels.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "protocol/base/fd.h"

namespace rdev::cluster {
namespace {

// Processes may fork while they are being looked for; a fork bomb is not worth an endless loop.
constexpr int kRounds = 50;
constexpr int kWaitMs = 2000;

// All below `root`, children before grandchildren is not promised.
std::set<pid_t> descendants(const std::vector<ProcessStat>& processes, pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const ProcessStat& process : processes) {
    children.emplace(process.parent, process.id.pid);
  }
  std::set<pid_t> found;
  std::vector<pid_t> open = {root};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    const auto [first, last] = children.equal_range(parent);
    for (auto child = first; child != last; ++child) {
      if (found.insert(child->second).second) {
        open.push_back(child->second);
      }
    }
  }
  return found;
}

std::vector<ProcessId> processes_of(const std::string& job_id, pid_t root) {
  const std::vector<ProcessStat> all = all_processes();
  const std::set<pid_t> below = root == 0 ? std::set<pid_t>() : descendants(all, root);
  std::vector<ProcessId> found;
  for (const ProcessStat& process : all) {
    const pid_t pid = process.id.pid;
    if (pid == ::getpid() || pid == root) {
      continue;
    }
    const auto job = below.contains(pid) ? std::nullopt : read_labels(process.id);
    if (below.contains(pid) || (job && job->id == job_id)) {
      found.push_back(process.id);
    }
  }
  return found;
}

void wait_for_end(const std::vector<ProcessId>& processes) {
  for (const ProcessId& process : processes) {
    if (const base::Fd fd = open_process(process)) {
      pollfd ended{.fd = fd.get(), .events = POLLIN, .revents = 0};
      ::poll(&ended, 1, kWaitMs);
    }
  }
}

}  // namespace

std::optional<FoundJob> read_labels(const ProcessId& process) {
  const auto environment = environment_of(process.pid);
  const auto id = environment ? find_variable(*environment, kJobIdLabel) : std::nullopt;
  if (!id) {
    return std::nullopt;
  }
  FoundJob job;
  job.id = *id;
  job.name = find_variable(*environment, kJobNameLabel).value_or("");
  job.owner = find_variable(*environment, kOwnerLabel).value_or("");
  if (const auto socket = find_variable(*environment, kKeeperSocketLabel)) {
    job.keeper = process;
    job.socket = *socket;
    job.host_public_key = find_variable(*environment, kKeeperHostKeyLabel).value_or("");
  }
  return job;
}

std::vector<FoundJob> find_jobs_of(const std::string& owner) {
  std::map<std::string, FoundJob> by_id;
  for (const ProcessStat& process : all_processes()) {
    auto job = read_labels(process.id);
    if (job && job->owner == owner && (job->keeper || !by_id.contains(job->id))) {
      by_id[job->id] = std::move(*job);
    }
  }
  std::vector<FoundJob> jobs;
  jobs.reserve(by_id.size());
  for (auto& [id, job] : by_id) {
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::optional<ProcessId> find_keeper(const std::string& job_id) {
  for (const ProcessStat& process : all_processes()) {
    const auto job = read_labels(process.id);
    if (job && job->keeper && job->id == job_id) {
      return process.id;
    }
  }
  return std::nullopt;
}

Result<void> kill_job(const std::string& job_id, pid_t root) {
  std::vector<ProcessId> left;
  for (int round = 0; round < kRounds; ++round) {
    left = processes_of(job_id, root);
    if (left.empty()) {
      return {};
    }
    for (const ProcessId& process : left) {
      if (auto sent = send_signal(process, SIGKILL); !sent) {
        return sent;
      }
    }
    wait_for_end(left);
  }
  return fail(Code::kFailed, "process " + std::to_string(left.front().pid) +
                                 " of the job cannot be killed; it may hang in the kernel");
}

}  // namespace rdev::cluster
