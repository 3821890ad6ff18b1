#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/fd.h"
#include "protocol/base/file.h"

namespace rdev::state {

// The life of a record: kSubmitting is written before the cluster hears of the job (the intent); a
// record found in that state whose lock is free belongs to a crashed `up` and is cleaned up.
enum class Stage { kSubmitting, kRunning };

// What the laptop knows of one job: jobs/NAME/job.json, 0600. Private keys are files beside it.
struct JobRecord {
  std::string name;
  std::string id;
  std::string cluster;  // "local", "docker"
  std::string native;   // JobRef::native
  Stage stage = Stage::kSubmitting;
  std::string image;
  std::string user;  // the login name for ssh
  std::string host_public_key;
  std::string socket;  // the job's local socket directory entry, chosen once
  std::vector<std::string> endpoints;
  std::int64_t created_unix_s = 0;
  std::int64_t ends_unix_s = 0;  // by this laptop's clock; 0: no end
};

// The files of the job NAME.
struct JobFiles {
  std::filesystem::path dir, record, key, known_hosts, lock;
};
JobFiles job_files(const Paths& paths, const std::string& name);

bool valid_job_name(const std::string& name);
// From a directory's name: lower case, other characters become '-'; "job" when nothing is left.
std::string job_name_from(const std::filesystem::path& directory);

Result<void> save(const Paths& paths, const JobRecord& record);
// Code::kNotFound when there is none.
Result<JobRecord> load(const Paths& paths, const std::string& name);
// Sorted by name; unreadable records are errors in `broken`, not silence.
struct JobList {
  std::vector<JobRecord> jobs;
  std::vector<Error> broken;
};
JobList list(const Paths& paths);
Result<void> remove(const Paths& paths, const std::string& name);

// Held by whoever changes the job. Code::kExists when another rdev process does (with kTry).
Result<base::Fd> lock_job(const Paths& paths, const std::string& name, base::LockWait wait);

}  // namespace rdev::state
