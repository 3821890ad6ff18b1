#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "client/cluster/local/argv.h"
#include "client/cluster/local/keeper.h"

namespace rdev::cluster {
namespace {

// The parts of posix_spawn() that must be destroyed.
struct SpawnPlan {
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

void set_attributes(posix_spawnattr_t& attributes) {
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

}  // namespace

Result<ProcessId> start_keeper(const KeeperOptions& options) {
  SpawnPlan plan;
  set_attributes(plan.attributes);
  const std::string log = log_file(options.dir).string();
  ::posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&plan.actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
  ::posix_spawn_file_actions_adddup2(&plan.actions, 1, 2);
  // Locks of the caller among them: a job must not hold them.
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, 3);
  ::posix_spawn_file_actions_addchdir_np(&plan.actions, options.working_directory.c_str());

  std::vector<std::string> words = {options.program.string(), kKeeperCommand, options.dir.string(),
                                    options.agent.string()};
  words.insert(words.end(), options.command.begin(), options.command.end());
  std::vector<std::string> env;
  env.reserve(options.env.size());
  for (const auto& [name, value] : options.env) {
    env.emplace_back(name).append("=").append(value);
  }
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, options.program.c_str(), &plan.actions, &plan.attributes,
                                  argv_of(words).data(), argv_of(env).data());
  if (error != 0) {
    return fail_errno("cannot start " + options.program.string(), error);
  }
  const auto stat = stat_of(pid);
  if (!stat) {
    return fail(Code::kFailed, "the job's keeper ended at once; see " + log);
  }
  return stat->id;
}

}  // namespace rdev::cluster
