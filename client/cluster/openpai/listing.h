#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/cluster/openpai/detail.h"
#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

struct JobSummary {
  std::string name, user;
  State state = State::kUnknown;
  std::string raw_state;
  std::string virtual_cluster;
  std::optional<int> exit_code;
  std::optional<std::int64_t> submitted_ms;  // before 1.2 when it was created
  std::optional<std::int64_t> completed_ms;
  std::optional<std::int64_t> launched_ms;  // none before 1.3
  int retries = 0;
  int tasks = 0;
  int gpus = 0;
  std::string priority;           // "prod" …; empty where there are none
  std::vector<std::string> tags;  // since 1.3
};

struct JobList {
  std::vector<JobSummary> jobs;       // as in the answer: newest first
  std::optional<std::int64_t> total;  // of all pages, with withTotalCount=true
};

// Of GET /api/v2/jobs: an array, or {totalCount, data}.
Result<JobList> parse_jobs(std::string_view body);

// `extras.rdev` of a job's document: what it takes to take the job over.
struct RdevFacts {
  std::string id;
  std::string name;
  std::string owner;                          // fingerprint
  std::vector<std::string> host_public_keys;  // "ssh-ed25519 AAAA…", one an instance
  std::string agent_sha256;                   // lower-case hex
  std::uint64_t agent_size = 0;               // bytes
  std::string version;                        // of the rdev that made it
};

// A job's document as the server gives it back.
struct JobConfig {
  std::string role;   // the first one, as it was submitted (see server_role_name)
  std::string image;  // of that role
  int instances = 1;
  std::string virtual_cluster;
  std::optional<RdevFacts> rdev;  // none: not a job of rdev
};

// Of GET …/config, whose body is JSON whatever its Content-Type says. Facts that are there but
// wrong (a key with a line end, a hash that is none) are Code::kProtocol.
Result<JobConfig> parse_job_config(std::string_view body);

}  // namespace rdev::cluster::openpai
