#include <memory>
#include <optional>

#include "client/cluster/openpai/logs.h"
#include "client/commands/job.h"
#include "client/commands/log_output.h"
#include "client/commands/queued_job.h"

namespace rdev::commands {
namespace {

namespace openpai = cluster::openpai;

struct Options {
  JobChoice choice;
  std::string role, log;
  int index = 0;
  std::optional<int> attempt;
  std::optional<std::size_t> tail;
  bool follow = false;
};

// "the roles are: main (4 tasks), ps (1 task)".
std::string roles_of(const openpai::JobDetail& detail) {
  std::vector<std::pair<std::string, int>> roles;
  for (const openpai::Task& task : detail.tasks) {
    if (roles.empty() || roles.back().first != task.role) {
      roles.emplace_back(task.role, 0);
    }
    ++roles.back().second;
  }
  std::string text;
  for (const auto& [role, tasks] : roles) {
    text += (text.empty() ? "" : ", ") + role + " (" + std::to_string(tasks) +
            (tasks == 1 ? " task)" : " tasks)");
  }
  return text;
}

// The named task; without a role the first role's.
const openpai::Task* task_of(const openpai::JobDetail& detail, const Options& options) {
  const std::string role = options.role.empty()
                               ? (detail.tasks.empty() ? "" : detail.tasks.front().role)
                               : openpai::server_role_name(options.role);
  for (const openpai::Task& task : detail.tasks) {
    if (task.role == role && task.index == options.index) {
      return &task;
    }
  }
  return nullptr;
}

// A task that will never be there is an error; there are none right after submission.
awaitable<Result<void>> check_task(QueuedJob& job, const Options& options) {
  const auto detail = co_await job.queue.api->job(job.key);
  if (!detail) {
    co_return tl::make_unexpected(detail.error());
  }
  if (!detail->tasks.empty() && task_of(*detail, options) == nullptr) {
    co_return fail(Code::kUsage, job.title() + " has no such task; its roles are: " +
                                     roles_of(*detail) + "; indices count from 0");
  }
  co_return Result<void>();
}

awaitable<Result<int>> logs(Context& context, const Options& options) {
  auto job = co_await find_queued_job(context, options.choice.cluster, options.choice.job);
  const auto good = job ? co_await check_task(*job, options) : tl::make_unexpected(job.error());
  if (!good) {
    co_return tl::make_unexpected(good.error());
  }
  LogOutput output;
  openpai::LogChoice choice{
      .task = [&](const openpai::JobDetail& detail) { return task_of(detail, options); },
      .attempt = options.attempt,
      .name = options.log,
      .tail = options.tail};
  const auto follow =
      options.follow ? cluster::Cluster::Follow::kYes : cluster::Cluster::Follow::kNo;
  const auto read = co_await openpai::read_logs(*job->queue.api, job->key, std::move(choice),
                                                follow, output.sink());
  if (!read) {
    co_return tl::make_unexpected(read.error());
  }
  const auto written = output.written();
  co_return written ? Result<int>(0) : tl::make_unexpected(written.error());
}

}  // namespace

void add_job_logs(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = add_verb(job, "logs", "Print what a task of a job has written",
                            "rdev job logs train-42 -f --role worker --index 3");
  add_job_choice(*verb, o->choice);
  verb->add_flag("-f,--follow", o->follow, "Go on until the job ends");
  verb->add_option("--role", o->role, "The task's role; by default the first one");
  verb->add_option("--index", o->index, "The task's number in it, from 0")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--attempt", o->attempt, "Of an earlier attempt of a retried job, from 0")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--log", o->log, "stdout, stderr, or another that the cluster keeps");
  verb->add_option("--tail", o->tail, "No more than the last so many lines")
      ->check(CLI::Range(std::size_t{0}, std::size_t{100000}));
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return logs(context, *o); }; });
}

}  // namespace rdev::commands
