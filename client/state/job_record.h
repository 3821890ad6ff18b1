#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/fd.h"
#include "protocol/base/file.h"

namespace rdev::state {

// The life of a record: kSubmitting is written before the cluster hears of the job (the intent),
// kRemoving before it is asked to stop it. A record found in one of these whose lock is free
// belongs to an rdev that crashed; the next one finishes the removal.
enum class Stage { kSubmitting, kRunning, kRemoving };

// What the laptop knows of one job: jobs/NAME/job.json, 0600. Private keys are files beside it.
// Each further instance of a job has a record of its own below, jobs/NAME/RANK/job.json, in which
// `name`, `host_public_key` and `endpoints` are its own; that of rank 0 is the job's.
struct JobRecord {
  std::string name;  // instance_name()
  std::string id;
  std::string cluster;  // "local", "docker"
  // What finds that cluster again from another environment (cluster::Pin): DOCKER_HOST and the
  // like.
  std::map<std::string, std::string> pin;
  std::string native;  // JobRef::native
  Stage stage = Stage::kSubmitting;
  std::string image;
  std::string user;  // the login name for ssh
  std::string host_public_key;
  std::string socket;  // the job's local socket, chosen once at `up`
  std::vector<std::string> endpoints;
  std::vector<std::string> instance_keys;  // host keys by rank, of a job of several instances
  bool shares_host_network = false;        // as its cluster knows; others there reach its ports
  std::int64_t created_unix_s = 0;
  std::int64_t ends_unix_s = 0;  // by this laptop's clock; 0: no end
};

// How many instances the job has.
inline int instances_of(const JobRecord& record) {
  return record.instance_keys.empty() ? 1 : static_cast<int>(record.instance_keys.size());
}
// Of the job's record (rank 0): that of the instance `rank`, which has no endpoints yet.
JobRecord instance_of(const JobRecord& record, int rank);

// The files of an instance; keys and locks are the job's. The lock is outside `dir`, and stays for
// ever, so that removing a job does not race with whoever waits for its lock.
struct JobFiles {
  std::filesystem::path dir, record, key, known_hosts, lock;
  std::filesystem::path front_key, front_lock;  // as FrontKeys
};
JobFiles job_files(const Paths& paths, const std::string& name);

// What ssh calls the instance.
inline std::string host_alias(const std::string& name) { return "rdev-" + name; }

bool valid_job_name(const std::string& name);
// From a directory's name: lower case, other characters become '-'; "job" when nothing is left.
std::string job_name_from(const std::filesystem::path& directory);

Result<void> save(const Paths& paths, const JobRecord& record);
// Of an instance. Code::kNotFound when there is none.
Result<JobRecord> load(const Paths& paths, const std::string& name);
// Jobs, sorted by name; unreadable records are errors in `broken`, not silence.
struct JobList {
  std::vector<JobRecord> jobs;
  std::vector<Error> broken;
  // Names of directories without a record: a crash before the intent was written.
  std::vector<std::string> orphans;
};
JobList list(const Paths& paths);
// The names of their instances.
std::vector<std::string> list_instances(const Paths& paths);

// The job's further instances that have a directory here, by rank.
std::vector<std::string> further_instances(const Paths& paths, const std::string& job);
// The same with that of rank 0 in front.
std::vector<std::string> all_instances(const Paths& paths, const std::string& job);

// The directory and all in it, the record last: what is interrupted can be found again. Fine when
// it is gone already.
Result<void> remove(const Paths& paths, const std::string& name);

// Where a job's socket goes: in `paths.runtime`, named by the state directory and NAME.
std::filesystem::path job_socket(const Paths& paths, const std::string& name);

// Of a process of ours that serves the job NAME in the background; `kind` is four letters, "link"
// or "hold". The locks are outside the job's directory and stay.
struct BackgroundFiles {
  std::filesystem::path socket;   // in `paths.runtime`, as short as job_socket()
  std::filesystem::path lock;     // held by the process as long as it lives; its pid is in it
  std::filesystem::path starter;  // held by who starts the process, until it listens
  std::filesystem::path log;
};
BackgroundFiles background_files(const Paths& paths, const std::string& name,
                                 const std::string& kind);
// Where the job's link process listens.
std::filesystem::path link_socket(const Paths& paths, const std::string& name);

// Held by whoever changes the job. Code::kExists when another rdev process does (with kTry).
Result<base::Fd> lock_job(const Paths& paths, const std::string& name, base::LockWait wait);

}  // namespace rdev::state
