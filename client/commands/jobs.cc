#include "client/commands/jobs.h"

#include <cstdlib>
#include <ctime>
#include <system_error>
#include <utility>

#include "client/link/attach.h"
#include "client/sshconfig/entry.h"
#include "client/state/front_keys.h"
#include "client/state/identity.h"
#include "client/state/instance_name.h"
#include "client/state/unfinished.h"
#include "client/tunnels/holder.h"

namespace rdev::commands {

Result<cluster::Cluster*> cluster_of(Context& context, const state::JobRecord& record) {
  return cluster::cluster_of(context.clusters, record);
}

const char* state_name(cluster::JobState state) {
  switch (state) {
    case cluster::JobState::kStarting:
      return "starting";
    case cluster::JobState::kRunning:
      return "running";
    case cluster::JobState::kEnded:
      return "ended";
    case cluster::JobState::kGone:
      return "gone";
  }
  return "unknown";
}

Result<std::string> instance_name(const std::string& given) {
  if (!given.empty()) {
    const auto parsed = state::parse_instance_name(given);
    if (parsed) {
      return state::instance_name(parsed->job, parsed->rank);
    }
    const bool has_rank = state::valid_job_name(given.substr(0, given.find('.')));
    return fail(Code::kUsage, "'" + given + "' is not a name for a job: " +
                                  (has_rank ? "an instance is called NAME.RANK, as in " +
                                                  given.substr(0, given.find('.')) + ".2"
                                            : "use small letters, digits and '-', a letter first, "
                                              "at most 31 characters"));
  }
  std::error_code error;
  const auto directory = std::filesystem::current_path(error);
  if (error) {
    return fail(Code::kUsage, "the working directory cannot be read (" + error.message() +
                                  "), so give the job's NAME");
  }
  return state::job_name_from(directory);
}

Result<std::string> job_name(const std::string& given) {
  auto name = instance_name(given);
  if (name && given.find('.') != std::string::npos) {
    const std::string job = given.substr(0, given.find('.'));
    return fail(Code::kUsage, given +
                                  " is one instance of a job, and this is for whole jobs: "
                                  "write " +
                                  job);
  }
  return name;
}

Result<base::Fd> lock_or_wait(const Context& context, const std::string& name) {
  auto lock = state::lock_job(context.paths, name, base::LockWait::kTry);
  if (lock || lock.error().code != Code::kExists) {
    return lock;
  }
  note("waiting for another rdev that is working on " + name);
  return state::lock_job(context.paths, name, base::LockWait::kBlock);
}

namespace {

// The holder first: it would start the link process again. What hangs is killed.
awaitable<Result<void>> end_background(Context& context, std::string job) {
  std::vector<std::string> names = state::further_instances(context.paths, job);
  names.push_back(std::move(job));
  Result<void> done;
  for (const std::string& name : names) {
    const auto holder = co_await tunnels::stop(context.paths, name);
    const auto link = co_await link_process::stop(context.paths, name);
    for (const Result<void>& ended : {holder, link}) {
      done = done ? ended : done;
    }
  }
  co_return done;
}

}  // namespace

awaitable<Result<void>> forget_job(Context& context, std::string name) {
  if (auto ended = co_await end_background(context, name); !ended) {
    co_return ended;
  }
  if (auto removed = sshconfig::remove_entry(context.paths, name); !removed) {
    co_return removed;
  }
  co_return state::remove(context.paths, name);
}

awaitable<Result<void>> remove_job(Context& context, state::JobRecord record) {
  const auto cluster = cluster_of(context, record);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  record.stage = state::Stage::kRemoving;
  std::error_code error;
  if (std::filesystem::exists(state::job_files(context.paths, record.name).record, error)) {
    // Best effort: on a full disk the job must still be removable.
    (void)state::save(context.paths, record);
  }
  // So that nobody is told of a connection that died. Should it fail, forget_job() tries again.
  (void)co_await end_background(context, record.name);
  const cluster::JobRef ref = ref_of(record);
  if (auto stopped = co_await (*cluster)->stop(ref); !stopped) {
    co_return prefix("cannot stop " + record.name, stopped.error());
  }
  co_return co_await forget_job(context, record.name);
}

namespace {

// A cluster that was cut off while it made a job has made it by then, or never will.
constexpr std::int64_t kLateSeconds = 600;

void expect_late(Context& context, const state::JobRecord& record) {
  const auto cluster = cluster_of(context, record);
  if (record.native.empty() && cluster && (*cluster)->may_come_late()) {
    // Best effort: on a full disk the job must still be removable.
    (void)state::add_unfinished(context.paths, record);
  }
}

awaitable<void> stop_late(Context& context, state::JobRecord record) {
  const auto cluster = cluster_of(context, record);
  if (!cluster) {
    co_return;
  }
  const cluster::JobRef ref = ref_of(record);
  const auto stopped = co_await (*cluster)->stop(ref);
  if (stopped && std::abs(std::time(nullptr) - record.created_unix_s) > kLateSeconds) {
    state::remove_unfinished(context.paths, record.id);
  }
}

awaitable<void> clean_up_one(Context& context, std::string name) {
  const auto lock = state::lock_job(context.paths, name, base::LockWait::kTry);
  if (!lock) {
    co_return;  // an rdev is at work on it
  }
  auto record = state::load(context.paths, name);
  if (record && record->stage == state::Stage::kRunning) {
    co_return;
  }
  Result<void> removed;
  if (record) {
    expect_late(context, *record);
    removed = co_await remove_job(context, std::move(*record));
  } else if (record.error().code == Code::kNotFound) {
    removed = co_await forget_job(context, name);
  } else {
    co_return;
  }
  note(removed ? "removed " + name + ", which an interrupted rdev had left unfinished"
               : "could not remove " + name +
                     ", which an interrupted rdev had left unfinished: " + removed.error().message);
}

}  // namespace

awaitable<void> clean_up_crashed(Context& context) {
  const state::JobList found = state::list(context.paths);
  std::vector<std::string> names = found.orphans;
  for (const state::JobRecord& record : found.jobs) {
    if (record.stage != state::Stage::kRunning) {
      names.push_back(record.name);
    }
  }
  for (const std::string& name : names) {
    co_await clean_up_one(context, name);
  }
  for (const state::JobRecord& record : state::list_unfinished(context.paths)) {
    co_await stop_late(context, record);
  }
}

awaitable<Result<ClusterJobs>> list_by_label(Context& context, std::vector<std::string> clusters) {
  const auto key = state::long_lived_key(context.paths);
  if (!key) {
    co_return tl::make_unexpected(key.error());
  }
  const std::string owner = key->public_key().fingerprint();
  if (clusters.empty()) {
    clusters = context.clusters.names();
  }
  ClusterJobs found;
  for (const std::string& name : clusters) {
    const auto cluster = context.clusters.get(name);
    if (!cluster) {
      found.unreachable.push_back(cluster.error());
      continue;
    }
    auto listed = co_await (*cluster)->list(owner);
    if (!listed) {
      found.unreachable.push_back(listed.error());
      continue;
    }
    for (cluster::ListedJob& job : *listed) {
      if (state::valid_job_name(job.ref.name)) {
        found.jobs.push_back({.cluster = name, .job = std::move(job)});
      }
    }
  }
  co_return found;
}

state::JobRecord record_from(const ClusterJob& found) {
  state::JobRecord record;
  record.name = found.job.ref.name;
  record.id = found.job.ref.id;
  record.cluster = found.cluster;
  record.native = found.job.ref.native;
  record.stage = state::Stage::kRunning;
  record.image = found.job.image;
  record.user = "rdev";
  record.host_public_key = found.job.host_public_key;
  record.instance_keys = found.job.instance_keys;
  record.created_unix_s = found.job.created_unix_s;
  return record;
}

awaitable<Result<state::JobRecord>> find_job(Context& context, std::string name) {
  auto record = state::load(context.paths, name);
  if (record || record.error().code != Code::kNotFound) {
    co_return record;
  }
  const auto listed = co_await list_by_label(context, {});
  if (!listed) {
    co_return tl::make_unexpected(listed.error());
  }
  const auto parsed = state::parse_instance_name(name);
  for (const ClusterJob& found : listed->jobs) {
    state::JobRecord job = record_from(found);
    if (parsed && job.name == parsed->job && parsed->rank < state::instances_of(job)) {
      co_return parsed->rank == 0 ? job : state::instance_of(job, parsed->rank);
    }
  }
  std::string message = record.error().message;
  for (const Error& error : listed->unreachable) {
    message += "; a cluster could not be asked: " + error.message;
  }
  co_return fail(Code::kNotFound, message);
}

std::filesystem::path identity_file(const Context& context, const std::string& name) {
  const std::filesystem::path own = state::job_files(context.paths, name).key;
  std::error_code error;
  return std::filesystem::exists(own, error) ? own : state::long_lived_key_file(context.paths);
}

Result<sshconfig::Entry> ssh_entry(const Context& context, const state::JobRecord& record) {
  auto program = state::own_program();
  if (!program) {
    return tl::make_unexpected(program.error());
  }
  const auto front = state::front_key(context.paths, record.name);
  if (!front) {
    return tl::make_unexpected(front.error());
  }
  return sshconfig::Entry{
      .name = record.name,
      .is_first = !record.instance_keys.empty() && state::valid_job_name(record.name),
      .user = record.user,
      .host_public_key = record.host_public_key,
      .front_public_key = front->public_key().text(),
      .identity = identity_file(context, record.name),
      .known_hosts = state::job_files(context.paths, record.name).known_hosts,
      .rdev = std::move(*program),
      .variables = state::path_variables(context.paths)};
}

}  // namespace rdev::commands
