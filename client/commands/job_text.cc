#include "client/commands/job_text.h"

#include <boost/json.hpp>
#include <ctime>

#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;
namespace openpai = cluster::openpai;

using Time = std::optional<std::int64_t>;  // Unix time in ms

std::int64_t now_ms() { return static_cast<std::int64_t>(std::time(nullptr)) * 1000; }

std::chrono::seconds between(std::int64_t from_ms, std::int64_t to_ms) {
  return std::chrono::seconds((to_ms - from_ms) / 1000);
}

std::string ago(Time time) { return time ? ui::format_ago(between(*time, now_ms())) : "-"; }

// "3 h ago (2026-11-23 20:11:05)".
std::string moment(Time time) {
  if (!time) {
    return "-";
  }
  const std::time_t seconds = *time / 1000;
  std::tm local{};
  char text[32] = "";
  if (::localtime_r(&seconds, &local) != nullptr) {
    (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  }
  return ago(time) + " (" + text + ")";
}

std::string took(Time from, Time to) {
  return from ? ui::format_age(between(*from, to.value_or(now_ms()))) : "-";
}

std::string number(const std::optional<int>& value) { return value ? std::to_string(*value) : "-"; }

json::value time_json(Time time) { return time ? json::value(*time) : json::value(nullptr); }
json::value number_json(const std::optional<int>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::array texts_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

std::string lines_of(const char* head, const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) {
    text += "  " + ui::printable_line(sentence) + "\n";
  }
  return text.empty() ? "" : std::string(head) + "\n" + text;
}

std::string ports_text(const openpai::Task& task) {
  std::string text;
  for (const auto& [label, ports] : task.ports) {
    for (const std::uint16_t port : ports) {
      text += (text.empty() ? "" : " ") + label + ":" + std::to_string(port);
    }
  }
  return text.empty() ? "-" : text;
}

const char* word_of(openpai::State state) {
  switch (state) {
    case openpai::State::kWaiting:
      return "WAITING";
    case openpai::State::kRunning:
      return "RUNNING";
    case openpai::State::kStopping:
      return "STOPPING";
    case openpai::State::kStopped:
      return "STOPPED";
    case openpai::State::kSucceeded:
      return "SUCCEEDED";
    case openpai::State::kFailed:
      return "FAILED";
    case openpai::State::kUnknown:
      break;
  }
  return "UNKNOWN";
}

std::string tasks_text(const openpai::JobDetail& detail, const ui::Look& look) {
  ui::Rows rows = {{"ROLE", "INDEX", "STATE", "NODE", "ADDRESS", "PORTS", "RETRIES", "EXIT"}};
  for (const openpai::Task& task : detail.tasks) {
    rows.push_back({task.role, std::to_string(task.index), word_of(task.state),
                    task.node.empty() ? "-" : task.node, task.ip.value_or("-"), ports_text(task),
                    std::to_string(task.retries), number(task.exit_code)});
  }
  return rows.size() == 1 ? "" : "\n" + ui::render_table(rows, look);
}

std::string state_text(const openpai::JobDetail& detail) {
  std::string text = detail.raw_state;
  if (!openpai::is_final(detail) && !detail.sub_state.empty()) {
    text += " (" + detail.sub_state + ")";
  }
  if (openpai::is_final(detail) && detail.exit.code) {
    text +=
        " (exit code " + std::to_string(detail.exit.user_code.value_or(*detail.exit.code)) + ")";
  }
  return text;
}

json::object exit_json(const openpai::Exit& exit) {
  return {{"code", number_json(exit.code)},
          {"user_code", number_json(exit.user_code)},
          {"phrase", exit.phrase},
          {"issuer", exit.issuer},
          {"type", exit.type},
          {"reason", exit.reason},
          {"diagnostics", exit.diagnostics},
          {"reproduction", texts_json(exit.repro)},
          {"advice", texts_json(exit.solution)}};
}

json::object task_json(const openpai::Task& task) {
  json::object ports;
  for (const auto& [label, numbers] : task.ports) {
    ports[label] = json::array(numbers.begin(), numbers.end());
  }
  return {{"role", task.role},
          {"index", task.index},
          {"state", word_of(task.state)},
          {"node", task.node},
          {"address", task.ip ? json::value(*task.ip) : json::value(nullptr)},
          {"ports", std::move(ports)},
          {"retries", task.retries},
          {"attempt", number_json(task.attempt)},
          {"exit_code", number_json(task.exit_code)},
          {"launched_unix_ms", time_json(task.launched_ms)},
          {"completed_unix_ms", time_json(task.completed_ms)}};
}

std::vector<std::string> head_of(JobTable::Columns columns) {
  std::vector<std::string> head = {"NAME"};
  if (columns.has_clusters) {
    head.emplace_back("CLUSTER");
  }
  if (columns.has_users) {
    head.emplace_back("USER");
  }
  head.insert(head.end(), {"STATE", "VC", "TASKS", "GPUS", "SUBMITTED", "TOOK", "RETRIES", "EXIT"});
  return head;
}

}  // namespace

JobTable::JobTable(Columns columns, const ui::Look& look)
    : columns_(columns), table_(head_of(columns), look) {}

std::string JobTable::add(const std::string& cluster,
                          const std::vector<openpai::JobSummary>& jobs) {
  ui::Rows rows;
  rows.reserve(jobs.size());
  for (const openpai::JobSummary& job : jobs) {
    std::vector<std::string> row = {job.name};
    if (columns_.has_clusters) {
      row.push_back(cluster);
    }
    if (columns_.has_users) {
      row.push_back(job.user);
    }
    row.insert(row.end(),
               {job.raw_state, job.virtual_cluster, std::to_string(job.tasks),
                std::to_string(job.gpus), ago(job.submitted_ms),
                took(job.launched_ms ? job.launched_ms : job.submitted_ms, job.completed_ms),
                std::to_string(job.retries), number(job.exit_code)});
    rows.push_back(std::move(row));
  }
  return table_.add(rows);
}

json::object job_json(const Queue& queue, const openpai::JobSummary& job) {
  return {{"cluster", queue.entry.name},
          {"user", job.user},
          {"name", job.name},
          {"state", job.raw_state},
          {"virtual_cluster", job.virtual_cluster},
          {"priority", job.priority},
          {"tags", texts_json(job.tags)},
          {"tasks", job.tasks},
          {"gpus", job.gpus},
          {"retries", job.retries},
          {"exit_code", number_json(job.exit_code)},
          {"submitted_unix_ms", time_json(job.submitted_ms)},
          {"launched_unix_ms", time_json(job.launched_ms)},
          {"completed_unix_ms", time_json(job.completed_ms)},
          {"url", job_page(queue, job.user, job.name)}};
}

std::string diagnosis_text(const openpai::JobDetail& detail) {
  const std::string reason = openpai::end_reason(detail, openpai::Advice::kWithout);
  if (reason.empty()) {
    return "";
  }
  return "why it ended\n  " + ui::printable_line(reason) + "\n" +
         lines_of("what makes jobs end so", detail.exit.repro) +
         lines_of("what the platform advises", detail.exit.solution);
}

std::string detail_text(const QueuedJob& job, const openpai::JobDetail& detail,
                        const std::string& waits_for, const ui::Look& look) {
  ui::Rows rows = {
      {"job", job.title()},
      {"cluster", job.queue.entry.name},
      {"state", state_text(detail)},
      {"virtual cluster", detail.virtual_cluster},
      {"submitted", moment(detail.submitted_ms ? detail.submitted_ms : detail.created_ms)}};
  if (!waits_for.empty()) {
    rows.push_back({"waits for", waits_for});
  }
  if (detail.launched_ms) {
    rows.push_back({"started", moment(detail.launched_ms)});
  }
  if (detail.completed_ms) {
    rows.push_back({"ended", moment(detail.completed_ms)});
    rows.push_back({"took", took(detail.launched_ms ? detail.launched_ms : detail.created_ms,
                                 detail.completed_ms)});
  }
  if (detail.retries > 0) {
    rows.push_back({"retries", std::to_string(detail.retries)});
  }
  if (!detail.tags.empty()) {
    std::string tags;
    for (const std::string& tag : detail.tags) {
      tags += (tags.empty() ? "" : ", ") + tag;
    }
    rows.push_back({"tags", tags});
  }
  rows.push_back({"page", job_page(job.queue, job.user, job.name)});
  std::string text = ui::render_table(rows) + tasks_text(detail, look);
  if (const std::string why = diagnosis_text(detail); !why.empty()) {
    text += "\n" + why;
  }
  return text;
}

json::object detail_json(const QueuedJob& job, const openpai::JobDetail& detail,
                         const std::string& waits_for) {
  json::array tasks;
  for (const openpai::Task& task : detail.tasks) {
    tasks.push_back(task_json(task));
  }
  return {{"cluster", job.queue.entry.name},
          {"user", job.user},
          {"name", job.name},
          {"state", detail.raw_state},
          {"sub_state", detail.sub_state},
          {"waits_for", waits_for},
          {"virtual_cluster", detail.virtual_cluster},
          {"tags", texts_json(detail.tags)},
          {"attempt", number_json(detail.attempt)},
          {"retries", detail.retries},
          {"submitted_unix_ms", time_json(detail.submitted_ms)},
          {"created_unix_ms", time_json(detail.created_ms)},
          {"launched_unix_ms", time_json(detail.launched_ms)},
          {"completed_unix_ms", time_json(detail.completed_ms)},
          {"exit", exit_json(detail.exit)},
          {"reason", openpai::end_reason(detail)},
          {"tasks", std::move(tasks)},
          {"url", job_page(job.queue, job.user, job.name)}};
}

}  // namespace rdev::commands
