#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// Of a job and of a task. kUnknown: a word that rdev does not know; not the end.
enum class State { kWaiting, kRunning, kStopping, kStopped, kSucceeded, kFailed, kUnknown };

State parse_state(std::string_view word);  // "RUNNING"
bool is_final(State state);

// How an attempt ended, as the platform sees it. All is empty while it has not.
struct Exit {
  std::optional<int> code;            // -210, -220: stopped by its user
  std::optional<int> user_code;       // of the job's own command, where the runtime says it
  std::string phrase;                 // "PAIRuntimeUnknownFailed"
  std::string issuer;                 // "PAI_RUNTIME", "USER_CONTAINER", "PAI_FC" …
  std::string type;                   // "UNKNOWN_FAILURE", "USER_STOP" …
  std::string reason;                 // a sentence
  std::vector<std::string> solution;  // sentences
  std::vector<std::string> repro;     // sentences: what makes a job end like this
  // What these said last; of the runtime's record the words that tell most.
  std::string container, runtime, launcher;
  std::string diagnostics;
};

struct Task {
  std::string role;  // as the server writes it: server_role_name()
  int index = 0;
  State state = State::kUnknown;
  std::optional<std::string> ip;  // of the node, an IP address; none until the container runs
  std::string node;               // empty before 1.1 and while not placed
  // By label. They are there before the container runs (and before `ip`).
  std::map<std::string, std::vector<std::uint16_t>> ports;
  std::string container_id;  // the pod's UID
  std::string log;           // "/api/v2/jobs/…/logs" (1.4 and later), else a URL or another path
  std::optional<int> exit_code;
  std::optional<int> attempt;  // of this task; counts from 0
  int retries = 0;
  std::optional<std::int64_t> launched_ms, completed_ms;  // Unix time
};

struct JobDetail {
  std::string name, user;
  State state = State::kUnknown;
  std::string raw_state;       // the server's word
  std::string sub_state;       // "AttemptPreparing"
  std::optional<int> attempt;  // none right after submission; a retried job has another one
  int retries = 0;
  bool stop_asked = false;  // executionType STOP
  std::optional<std::int64_t> submitted_ms, created_ms, launched_ms, completed_ms;  // Unix time
  Exit exit;
  std::string virtual_cluster;
  std::vector<std::string> tags;  // since 1.3
  std::vector<Task> tasks;  // by role as in the answer, then by index; empty right after submission
};

// Of GET /api/v2/jobs/{u}~{j} and …/attempts/{n}. What is missing or null stays empty; a port, an
// address or an index that cannot be one is Code::kProtocol.
Result<JobDetail> parse_job_detail(std::string_view body);

bool is_final(const JobDetail& detail);

// The label of the agents' ports, which render.h asks for.
inline constexpr char kAgentPort[] = "rdev";
// The task of that index in the role that has them; null while there is none.
const Task* agent_task(const JobDetail& detail, int index);

// Of a job that failed: the index of the agent's task that did first; none where none did.
std::optional<int> first_failed(const JobDetail& detail);

// The name that the server gives to a role: lower case, nothing outside of [a-z0-9].
std::string server_role_name(std::string_view role);

// Why a job did not end well: the platform's diagnosis, the container's last words and the
// platform's advice, in one line of plain text of at most 500 bytes. Empty for a job that goes on
// or succeeded.
enum class Advice { kWith, kWithout };
std::string end_reason(const JobDetail& detail, Advice advice = Advice::kWith);

}  // namespace rdev::cluster::openpai
