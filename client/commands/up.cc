#include <unistd.h>

#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/defaults.h"
#include "client/commands/jobs.h"
#include "client/commands/launch.h"
#include "client/commands/like.h"
#include "client/commands/up_report.h"
#include "client/state/history.h"
#include "client/tunnels/holder.h"

namespace rdev::commands {
namespace {

// Gets the job in one of the three ways. `asked` is --cluster.
awaitable<Result<UpReport>> have_job(Context& context, JobPlan plan, std::string asked,
                                     ui::Progress& progress, int* signal) {
  UpReport report;
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

// What was asked for, over what --like names, or over the defaults.
Result<UpOptions> asked_for(const Context& context, const UpOptions& given) {
  if (given.like.empty()) {
    auto filled = with_defaults(context.paths, given);
    return filled ? Result<UpOptions>(std::move(filled->options))
                  : tl::make_unexpected(filled.error());
  }
  const auto history = state::read_history(context.paths);
  if (!history) {
    return tl::make_unexpected(history.error());
  }
  for (const state::Submission& one : *history) {
    if (one.name == given.like && one.command == "up") {
      UpOptions then = options_from_json(one.options);
      then.cluster = one.cluster;
      return over(std::move(then), given);
    }
  }
  return fail(Code::kNotFound, "rdev up has started no job " + given.like +
                                   " from here (rdev history lists what it has; rdev job clone "
                                   "starts from a job of a cluster)");
}

void remember(const Context& context, const state::JobRecord& record, const UpOptions& options) {
  const auto added = state::add_to_history(context.paths, {.at_unix_s = record.created_unix_s,
                                                           .command = "up",
                                                           .cluster = record.cluster,
                                                           .name = record.name,
                                                           .native = record.native,
                                                           .options = options_json(options)});
  if (!added) {
    note("it is not in the history: " + added.error().message);
  }
}

awaitable<Result<int>> up(Context& context, const UpOptions& given) {
  const auto began = std::chrono::steady_clock::now();
  const auto wanted = asked_for(context, given);
  if (!wanted) {
    co_return tl::make_unexpected(wanted.error());
  }
  const UpOptions& options = *wanted;
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
  auto report = co_await have_job(context, std::move(*plan), given.cluster, progress, &signal);
  progress.interrupt();
  if (signal != 0 && !report) {
    note(report.error().message);
    co_return 128 + signal;
  }
  if (!report) {
    co_return tl::make_unexpected(report.error());
  }
  if (report->outcome == Outcome::kStarted) {
    remember(context, report->record, options);
  } else {
    if (auto resumed = co_await tunnels::resume(context.paths, *name); !resumed) {
      note("its tunnels are not open: " + resumed.error().message);
    }
  }
  report->elapsed = std::chrono::steady_clock::now() - began;
  const auto printed = print_report(context, *report, options.json ? &progress.timings() : nullptr);
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
  app.add_option("--like", o->like,
                 "The options of a job that rdev up has started before (rdev history); what is "
                 "given here goes over them");
  app.add_flag("--no-entrypoint", o->no_entrypoint, "CMD alone, without the image's ENTRYPOINT");
  app.add_flag("--exit-with-command", o->exit_with_command,
               "End the job when CMD ends, not when its lifetime is over");
  app.add_flag("--preview", o->preview, "Print what would be sent, secrets masked; start nothing");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return up(context, *o); }); };
}

}  // namespace rdev::commands
