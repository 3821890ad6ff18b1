#include "client/cluster/openpai/detail.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::array<std::pair<std::string_view, State>, 6> kStates = {{
    {"WAITING", State::kWaiting},
    {"RUNNING", State::kRunning},
    {"STOPPING", State::kStopping},
    {"STOPPED", State::kStopped},
    {"SUCCEEDED", State::kSucceeded},
    {"FAILED", State::kFailed},
}};

tl::unexpected<Error> wrong(const Task& task, const std::string& what) {
  return fail(Code::kProtocol, "the server's word on the job is wrong: task " +
                                   std::to_string(task.index) + " of role " + plain(task.role, 40) +
                                   " has " + what);
}

bool is_address(const std::string& text) {
  in6_addr space{};
  return inet_pton(AF_INET, text.c_str(), &space) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &space) == 1;
}

// "21738,34199", "33775", 33775; an empty string is none.
std::optional<std::vector<std::uint16_t>> read_ports(const json::value& value) {
  std::vector<std::uint16_t> ports;
  std::string_view rest;
  if (value.is_string()) {
    rest = std::string_view(value.get_string());
    if (rest.empty()) {
      return ports;
    }
  }
  bool more = true;
  while (more) {
    const std::size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    const auto number =
        value.is_string() ? whole(json::value(rest.substr(0, comma))) : whole(value);
    if (!number || *number < 1 || *number > std::numeric_limits<std::uint16_t>::max()) {
      return std::nullopt;
    }
    ports.push_back(static_cast<std::uint16_t>(*number));
    rest.remove_prefix(more ? comma + 1 : rest.size());
  }
  return ports;
}

Result<Task> read_task(const std::string& role, const json::object& object) {
  Task task{.role = role};
  const auto index = int_in(object, "taskIndex");
  if (!index || *index < 0) {
    return wrong(task, "no index");
  }
  task.index = *index;
  task.state = parse_state(text_in(object, "taskState"));
  if (const std::string ip = text_in(object, "containerIp"); !ip.empty()) {
    if (!is_address(ip)) {
      return wrong(task, "an IP address that is none");
    }
    task.ip = ip;
  }
  task.node = text_in(object, "containerNodeName");
  if (const json::object* ports = object_in(object, "containerPorts"); ports != nullptr) {
    for (const auto& [label, value] : *ports) {
      auto numbers = value.is_null() ? std::vector<std::uint16_t>() : read_ports(value);
      if (!numbers) {
        return wrong(task, "a port " + plain(label, 40) + " that is none");
      }
      task.ports[label] = std::move(*numbers);
    }
  }
  task.container_id = text_in(object, "containerId");
  task.log = text_in(object, "containerLog");
  task.exit_code = int_in(object, "containerExitCode");
  task.attempt = int_in(object, "attemptId");
  task.retries = int_in(object, "retries").value_or(0);
  task.launched_ms = whole_in(object, "launchedTime");
  task.completed_ms = whole_in(object, "completedTime");
  return task;
}

Result<std::vector<Task>> read_tasks(const json::object& roles) {
  std::vector<Task> tasks;
  for (const auto& [role, value] : roles) {
    const json::object* object = value.if_object();
    const json::array* statuses = object == nullptr ? nullptr : array_in(*object, "taskStatuses");
    if (statuses == nullptr) {
      continue;
    }
    const std::size_t first = tasks.size();
    for (const json::value& status : *statuses) {
      if (!status.is_object()) {
        continue;
      }
      auto task = read_task(role, status.get_object());
      if (!task) {
        return tl::make_unexpected(task.error());
      }
      tasks.push_back(std::move(*task));
    }
    std::sort(tasks.begin() + static_cast<std::ptrdiff_t>(first), tasks.end(),
              [](const Task& a, const Task& b) { return a.index < b.index; });
  }
  return tasks;
}

// The runtime's record is an object (exitCode, originUserExitCode, errorLogs …) or its text.
void read_runtime(const json::value& value, Exit& exit) {
  if (value.is_string()) {
    exit.runtime = std::string(value.get_string());
  }
  const json::object* record = value.if_object();
  if (record == nullptr) {
    return;
  }
  exit.user_code = int_in(*record, "originUserExitCode");
  const json::object* logs = object_in(*record, "errorLogs");
  const std::array<std::string, 5> words = {
      text_in(*record, "caughtException"), logs == nullptr ? "" : text_in(*logs, "user"),
      text_in(*record, "matchedUserLogString"), logs == nullptr ? "" : text_in(*logs, "platform"),
      text_in(*record, "reason")};
  const auto* best =
      std::find_if(words.begin(), words.end(), [](const auto& w) { return !w.empty(); });
  exit.runtime = best == words.end() ? "" : *best;
}

Exit read_exit(const json::object& status) {
  Exit exit{.code = int_in(status, "appExitCode"),
            .diagnostics = text_in(status, "appExitDiagnostics")};
  if (const json::object* spec = object_in(status, "appExitSpec"); spec != nullptr) {
    exit.phrase = text_in(*spec, "phrase");
    exit.issuer = text_in(*spec, "issuer");
    exit.type = text_in(*spec, "type");
    exit.reason = text_in(*spec, "reason");
    exit.solution = texts_in(*spec, "solution");
    exit.repro = texts_in(*spec, "repro");
  }
  if (const json::object* messages = object_in(status, "appExitMessages"); messages != nullptr) {
    exit.container = text_in(*messages, "container");
    exit.launcher = text_in(*messages, "launcher");
    if (const json::value* runtime = member(*messages, "runtime"); runtime != nullptr) {
      read_runtime(*runtime, exit);
    }
  }
  return exit;
}

}  // namespace

State parse_state(std::string_view word) {
  for (const auto& [name, state] : kStates) {
    if (name == word) {
      return state;
    }
  }
  return State::kUnknown;
}

bool is_final(State state) {
  return state == State::kStopped || state == State::kSucceeded || state == State::kFailed;
}

const Task* agent_task(const JobDetail& detail, int index) {
  for (const Task& task : detail.tasks) {
    if (task.index == index && task.ports.contains(kAgentPort)) {
      return &task;
    }
  }
  return nullptr;
}

// The server's own word on it (appExitTriggerTaskIndex) is null also for jobs that failed.
std::optional<int> first_failed(const JobDetail& detail) {
  const Task* first = nullptr;
  for (const Task& task : detail.tasks) {
    if (task.state == State::kFailed && task.ports.contains(kAgentPort) &&
        (first == nullptr || task.completed_ms < first->completed_ms)) {
      first = &task;
    }
  }
  return first == nullptr ? std::nullopt : std::optional(first->index);
}

bool is_final(const JobDetail& detail) { return is_final(detail.state); }

std::string server_role_name(std::string_view role) {
  std::string name;
  for (const char c : role) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      name += c;
    } else if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c - 'A' + 'a');
    }
  }
  return name;
}

Result<JobDetail> parse_job_detail(std::string_view body) {
  const auto object = read_object(body, "word on the job");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  const json::object* status = object_in(*object, "jobStatus");
  if (status == nullptr) {
    return fail(Code::kProtocol, "the server's word on the job has no jobStatus");
  }
  JobDetail detail{.name = text_in(*object, "name"),
                   .user = text_in(*status, "username"),
                   .raw_state = text_in(*status, "state"),
                   .sub_state = text_in(*status, "subState"),
                   .attempt = int_in(*status, "attemptId"),
                   .retries = int_in(*status, "retries").value_or(0),
                   .stop_asked = text_in(*status, "executionType") == "STOP",
                   .submitted_ms = whole_in(*status, "submissionTime"),
                   .created_ms = whole_in(*status, "createdTime"),
                   .launched_ms = whole_in(*status, "launchedTime"),
                   .completed_ms = whole_in(*status, "completedTime"),
                   .exit = read_exit(*status),
                   .virtual_cluster = text_in(*status, "virtualCluster"),
                   .tags = texts_in(*object, "tags")};
  detail.state = parse_state(detail.raw_state);
  if (const json::object* roles = object_in(*object, "taskRoles"); roles != nullptr) {
    auto tasks = read_tasks(*roles);
    if (!tasks) {
      return tl::make_unexpected(tasks.error());
    }
    detail.tasks = std::move(*tasks);
  }
  return detail;
}

}  // namespace rdev::cluster::openpai
