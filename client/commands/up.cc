#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/commands/launch.h"
#include "client/sshconfig/include_line.h"
#include "client/tunnels/holder.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

enum class Outcome { kStarted, kAlreadyRunning, kTakenOver };

struct Report {
  state::JobRecord record;
  Outcome outcome = Outcome::kStarted;
  std::chrono::steady_clock::duration elapsed{};
  std::string ssh_config;
  bool installed = false;  // the Include line is in ~/.ssh/config
};

const char* outcome_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::kStarted:
      return "started";
    case Outcome::kAlreadyRunning:
      return "already_running";
    case Outcome::kTakenOver:
      return "taken_over";
  }
  return "";
}

std::int64_t milliseconds(std::chrono::steady_clock::duration elapsed) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
}

std::string to_json(const Report& report, const ui::Progress::Timings& timings) {
  json::object stages;
  for (const auto& [name, elapsed] : timings) {
    stages[name] = milliseconds(elapsed);
  }
  const state::JobRecord& record = report.record;
  const json::object object = {
      {"name", record.name},
      {"outcome", outcome_text(report.outcome)},
      {"cluster", record.cluster},
      {"host", sshconfig::host_alias(record.name)},
      {"user", record.user},
      {"endpoints", json::array(record.endpoints.begin(), record.endpoints.end())},
      {"host_public_key", record.host_public_key},
      {"instances", state::instances_of(record)},
      {"ssh_config", report.ssh_config},
      {"ssh_config_installed", report.installed},
      {"ends_unix_s", record.ends_unix_s},
      {"elapsed_ms", milliseconds(report.elapsed)},
      {"stages_ms", stages},
  };
  return json::serialize(object) + "\n";
}

std::string how_to_go_on(const Report& report) {
  const state::JobRecord& record = report.record;
  const std::string host = sshconfig::host_alias(record.name);
  std::string text = record.name;
  switch (report.outcome) {
    case Outcome::kStarted:
      text += " is up on " + record.cluster + " (" + ui::format_elapsed(report.elapsed) + ")";
      break;
    case Outcome::kAlreadyRunning:
      text += " is already running on " + record.cluster;
      break;
    case Outcome::kTakenOver:
      text += " was running on " + record.cluster + " and is taken over";
      break;
  }
  text += ".\n\n";
  if (report.installed) {
    text += "  ssh " + host + "\n";
  } else {
    text += "  ssh -F '" + report.ssh_config + "' " + host + "\n\n";
    text += "To say just `ssh " + host + "`, also in scp, rsync and editors, once:\n\n";
    text += "  rdev ssh-config --install\n";
  }
  if (const int instances = state::instances_of(record); instances > 1) {
    text += "\nIt has " + std::to_string(instances) + " instances: " + host + ".0 to " + host +
            "." + std::to_string(instances - 1) + " for ssh, " + record.name + ".RANK for rdev, " +
            "and all at once with\n\n  rdev exec --all " + record.name + " -- CMD\n";
  }
  text += "\nIt ends with `rdev down " + record.name + "`";
  if (record.ends_unix_s != 0) {
    const std::chrono::seconds left(record.ends_unix_s - std::time(nullptr));
    text += ", or by itself in " + ui::format_age(left);
  }
  return text + ".\n";
}

// Gets the job in one of the three ways. `asked` is --cluster.
awaitable<Result<Report>> have_job(Context& context, JobPlan plan, std::string asked,
                                   ui::Progress& progress, int* signal) {
  Report report;
  const std::string name = plan.spec.name;
  auto known = state::load(context.paths, name);
  if (!known && known.error().code != Code::kNotFound) {
    co_return tl::make_unexpected(known.error());
  }
  Result<state::JobRecord> record;
  if (known && asked != known->cluster && !asked.empty()) {
    co_return fail(Code::kExists, "there is a job " + name + " on " + known->cluster +
                                      " already: give this one another NAME, or end that one "
                                      "with rdev down " +
                                      name);
  }
  if (known) {
    report.outcome = Outcome::kAlreadyRunning;
    record = co_await reattach(context, std::move(*known), progress);
  } else {
    auto taken = co_await take_over(context, plan.cluster, name, progress);
    if (!taken) {
      co_return tl::make_unexpected(taken.error());
    }
    if (*taken) {
      report.outcome = Outcome::kTakenOver;
      record = std::move(**taken);
    } else {
      record = co_await launch(context, std::move(plan), progress, signal);
    }
  }
  if (!record) {
    co_return tl::make_unexpected(record.error());
  }
  report.record = std::move(*record);
  co_return report;
}

bool is_installed(const Context& context) {
  const auto line = sshconfig::include_line(context.paths);
  const auto file = sshconfig::user_config_file();
  // An unreadable ~/.ssh/config is no reason to fail: the user is then told of `ssh -F`.
  return line && file && sshconfig::is_installed(*file, *line).value_or(false);
}

awaitable<Result<int>> up(Context& context, const UpOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  const auto name = job_name(options.name);
  auto plan = make_plan(context.paths, options);
  if (!name || !plan) {
    co_return tl::make_unexpected(name ? plan.error() : name.error());
  }
  plan->spec.name = *name;
  const auto cluster = context.clusters.get(plan->cluster);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  if (auto able = (*cluster)->check(plan->spec); !able) {
    co_return tl::make_unexpected(able.error());
  }
  if (options.preview) {
    const auto text = preview(context, std::move(*plan));
    const auto printed = text ? print(*text) : tl::make_unexpected(text.error());
    co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
  }
  co_await clean_up_crashed(context);
  const auto lock = lock_or_wait(context, *name);
  if (!lock) {
    co_return tl::make_unexpected(lock.error());
  }
  ui::Progress progress(STDERR_FILENO, ui::terminal_of(STDERR_FILENO));
  int signal = 0;
  auto report = co_await have_job(context, std::move(*plan), options.cluster, progress, &signal);
  progress.interrupt();
  if (signal != 0 && !report) {
    note(report.error().message);
    co_return 128 + signal;
  }
  if (!report) {
    co_return tl::make_unexpected(report.error());
  }
  if (report->outcome != Outcome::kStarted) {
    if (auto resumed = co_await tunnels::resume(context.paths, *name); !resumed) {
      note("its tunnels are not open: " + resumed.error().message);
    }
  }
  report->elapsed = std::chrono::steady_clock::now() - began;
  report->ssh_config = sshconfig::entry_file(context.paths, *name).string();
  report->installed = is_installed(context);
  const auto printed =
      print(options.json ? to_json(*report, progress.timings()) : how_to_go_on(*report));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return 0;
}

}  // namespace

Run setup_up(CLI::App& app, const std::vector<std::string>& rest) {
  auto o = std::make_shared<UpOptions>();
  o->command = rest;
  app.add_option("NAME", o->name, "The job's name; by default the working directory's");
  app.add_option("--cluster", o->cluster,
                 "Where it runs: local, docker, or what rdev cluster add made");
  app.add_option("--image", o->image, "The image of its container; nothing has to be in it");
  app.add_option("--template", o->job_template, "A template: a file, or a name in jobtemplates/");
  app.add_option("--user", o->user, "Who it runs as in the container: name, uid or uid:gid");
  app.add_option("--ttl", o->ttl, "How long it lives: 90m, 5h, 2d, none (default: 5h)");
  app.add_option("--env", o->env, "KEY=VALUE for its environment, or KEY to pass yours on")
      ->allow_extra_args(false);
  app.add_option("--publish", o->publish, "ADDRESS or ADDRESS:PORT for the agent's port");
  app.add_option("--gpus", o->gpus, "How many GPUs, or all");
  app.add_option("--cpus", o->cpus, "How many CPUs, as in 2.5");
  app.add_option("--memory", o->memory, "How much memory, as in 8g");
  app.add_option("--mount", o->mounts, "HOST:PATH or HOST:PATH:ro")->allow_extra_args(false);
  app.add_option("--shm", o->shm, "How much shared memory (/dev/shm), as in 1g");
  app.add_option("--instances", o->instances, "OpenPAI: how many of it; NAME.1 is the second one");
  app.add_option("--vc", o->virtual_cluster, "OpenPAI: the virtual cluster whose share it uses");
  app.add_option("--priority", o->priority, "OpenPAI: prod, test or oppo");
  app.add_option("--sku", o->sku, "OpenPAI: the kind of node (rdev cluster show NAME lists them)");
  app.add_option("--storage", o->storages, "OpenPAI: a storage to mount, NAME or NAME:PATH")
      ->allow_extra_args(false);
  app.add_option("--setup", o->setup, "OpenPAI: a line for the job's shell before all else")
      ->allow_extra_args(false);
  app.add_option("--inject", o->inject,
                 "OpenPAI: how the agent comes in: stub (default), url:URL, path:PATH, image");
  app.add_option("--attach-timeout", o->attach_timeout,
                 "OpenPAI: how long the job waits for this laptop (default: 15m)");
  app.add_flag("--no-entrypoint", o->no_entrypoint, "CMD alone, without the image's ENTRYPOINT");
  app.add_flag("--exit-with-command", o->exit_with_command,
               "End the job when CMD ends, not when its lifetime is over");
  app.add_flag("--preview", o->preview, "Print what would be sent, secrets masked; start nothing");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return up(context, *o); }); };
}

}  // namespace rdev::commands
