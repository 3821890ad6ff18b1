#include "client/commands/job_run.h"

#include <unistd.h>

#include <ctime>
#include <memory>

#include "client/commands/defaults.h"
#include "client/commands/deliver.h"
#include "client/commands/fetch.h"
#include "client/commands/follow.h"
#include "client/commands/interrupt.h"
#include "client/commands/job.h"
#include "client/commands/jobs.h"
#include "client/commands/launch.h"
#include "client/commands/like.h"
#include "client/commands/run_script.h"
#include "client/commands/up_report.h"
#include "client/state/history.h"
#include "client/state/instance_name.h"
#include "client/templates/set_value.h"
#include "client/templates/typed_yaml.h"
#include "client/templates/yaml_text.h"
#include "client/ui/units.h"
#include "protocol/ssh/keys.h"

namespace rdev::commands {
namespace {

std::string random_hex(std::size_t digits) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const ssh::Seed seed = ssh::random_seed();
  std::string text;
  for (std::size_t i = 0; i < digits; ++i) {
    text += kHex[seed[i] % kHex.size()];
  }
  return text;
}

// "LABEL" or "LABEL=COUNT", asked for in the first role of the cluster's own document.
Result<void> add_ports(const std::vector<std::string>& ports, cluster::JobSpec& spec) {
  if (ports.empty()) {
    return {};
  }
  if (!spec.document) {
    return fail(Code::kUsage,
                "--port is for OpenPAI clusters: elsewhere rdev forward reaches any port");
  }
  const auto document = templates::parse_typed_yaml(spec.document->text, spec.document->file);
  if (!document) {
    return tl::make_unexpected(document.error());
  }
  boost::json::value job = document->value();
  const auto* roles = job.is_object() && job.get_object().contains("taskRoles")
                          ? job.at("taskRoles").if_object()
                          : nullptr;
  if (roles == nullptr || roles->empty()) {
    return document->wrong("", "has no taskRoles");
  }
  const std::string path =
      "taskRoles." + std::string(roles->begin()->key()) + ".resourcePerInstance.ports.";
  for (const std::string& port : ports) {
    std::string assignment = path;
    assignment += port;
    assignment += port.find('=') == std::string::npos ? "=1" : "";
    if (auto set = templates::set_value(job, assignment); !set) {
      return prefix("--port", set.error());
    }
  }
  spec.document->text = templates::to_yaml(job);
  return {};
}

// What is not given; a job without a --ttl of its own has no end.
Result<void> add_defaults(const state::Paths& paths, RunOptions& options) {
  std::vector<std::string> missing;
  const std::pair<const char*, std::vector<std::string>*> lists[] = {
      {"source", &options.sources}, {"pip", &options.script.pip}, {"port", &options.ports}};
  for (const auto& [key, target] : lists) {
    if (target->empty()) {
      missing.emplace_back(key);
    }
  }
  if (options.script.python.empty()) {
    missing.emplace_back("python");
  }
  options.up.ttl = options.up.ttl.empty() ? "none" : options.up.ttl;
  auto filled = with_defaults(paths, options.up, missing);
  if (!filled) {
    return tl::make_unexpected(filled.error());
  }
  options.up = std::move(filled->options);
  for (const auto& [key, target] : lists) {
    if (const auto found = filled->of_run.find(key); found != filled->of_run.end()) {
      *target = std::move(found->second);
    }
  }
  if (const auto python = filled->of_run.find("python"); python != filled->of_run.end()) {
    options.script.python = python->second.front();
  }
  options.sources.insert(options.sources.end(), options.own_sources.begin(),
                         options.own_sources.end());
  return {};
}

Result<JobPlan> plan_of(Context& context, RunOptions& options) {
  options.script.directory = "/tmp/rdev-run-" + random_hex(12) + "-${NODE_RANK:-0}";
  UpOptions up = options.up;
  up.command = job_command(options.script);
  up.exit_with_command = true;
  auto plan = make_plan(context.paths, up);
  const auto name = plan ? job_name(up.name.empty() ? "run-" + random_hex(6) : up.name)
                         : tl::make_unexpected(plan.error());
  const auto cluster =
      name ? context.clusters.get(plan->cluster) : tl::make_unexpected(name.error());
  auto done = cluster ? add_ports(options.ports, plan->spec)
                      : Result<void>(tl::make_unexpected(cluster.error()));
  if (done) {
    plan->spec.name = *name;
    plan->spec.quiet = true;
    done = (*cluster)->check(plan->spec);
  }
  if (!done) {
    return tl::make_unexpected(done.error());
  }
  return plan;
}

awaitable<Result<void>> bring(Context& context, const state::JobRecord& record,
                              const RunOptions& options, const Sources& sources,
                              ui::Progress& progress) {
  const std::vector<std::string> words = delivery_command(options.script, sources.sha256);
  for (int rank = 0; rank < state::instances_of(record); ++rank) {
    const std::string name = state::instance_name(record.name, rank);
    const auto done = co_await deliver(
        context, rank == 0 ? record.name : name, words, sources, [&](std::uint64_t bytes) {
          progress.stage("bringing the sources" + (rank == 0 ? "" : " to " + name),
                         ui::format_bytes(bytes) + " of " + ui::format_bytes(sources.bytes));
        });
    if (!done) {
      co_return done;
    }
  }
  co_return Result<void>();
}

void remember(const Context& context, const state::JobRecord& record, const RunOptions& options) {
  boost::json::object given = options_json(options.up);
  const auto list = [&](const char* name, const std::vector<std::string>& texts) {
    if (!texts.empty()) {
      given[name] = boost::json::array(texts.begin(), texts.end());
    }
  };
  list("source", options.sources);
  list("port", options.ports);
  list("fetch", options.results);
  list("pip", options.script.pip);
  list("command", options.script.command);
  const auto added = state::add_to_history(context.paths, {.at_unix_s = record.created_unix_s,
                                                           .command = "run",
                                                           .cluster = record.cluster,
                                                           .name = record.name,
                                                           .native = record.native,
                                                           .options = std::move(given)});
  if (!added) {
    note("it is not in the history: " + added.error().message);
  }
}

// The job with its sources in it; when they cannot be brought, no job is left.
awaitable<Result<state::JobRecord>> start(Context& context, JobPlan plan, const RunOptions& options,
                                          const Sources& sources, ui::Progress& progress,
                                          int* signal) {
  auto record = co_await launch(context, std::move(plan), progress, signal);
  if (!record) {
    co_return record;
  }
  const auto brought =
      co_await interruptible(bring(context, *record, options, sources, progress), signal);
  if (brought) {
    progress.done();
    co_return record;
  }
  progress.interrupt();
  Error error = brought.error();
  if (auto removed = co_await remove_job(context, *record); !removed) {
    error.message += "; and the job could not be removed yet: " + removed.error().message;
  }
  co_return tl::make_unexpected(std::move(error));
}

// The job, begun; its lock is free again.
awaitable<Result<UpReport>> start_locked(Context& context, JobPlan plan, const RunOptions& options,
                                         ui::Progress& progress, int* signal) {
  const auto began = std::chrono::steady_clock::now();
  Sources sources;
  if (!options.sources.empty()) {
    progress.stage("packing the sources");
    auto packed = pack_sources(context.paths, options.sources);
    if (!packed) {
      progress.interrupt();
      co_return tl::make_unexpected(packed.error());
    }
    sources = *std::move(packed);
  }
  co_await clean_up_crashed(context);
  const std::string name = plan.spec.name;
  const auto lock = lock_or_wait(context, name);
  if (!lock) {
    co_return tl::make_unexpected(lock.error());
  }
  if (state::load(context.paths, name)) {
    co_return fail(Code::kExists, "there is a job " + name +
                                      " already: give this one another "
                                      "--name, or end that one with rdev down " +
                                      name);
  }
  auto record = co_await start(context, std::move(plan), options, sources, progress, signal);
  progress.interrupt();
  if (!record) {
    co_return tl::make_unexpected(record.error());
  }
  remember(context, *record, options);
  co_return UpReport{.record = *std::move(record),
                     .outcome = Outcome::kStarted,
                     .elapsed = std::chrono::steady_clock::now() - began};
}

}  // namespace

awaitable<Result<int>> run_job(Context& context, RunOptions& options) {
  if (options.script.command.empty()) {
    co_return fail(Code::kUsage, "a command is missing: rdev job run … -- CMD");
  }
  auto results = result_paths(options.results);
  if (!results) {
    co_return tl::make_unexpected(results.error());
  }
  options.results = *std::move(results);
  options.script.keeps_results = !options.results.empty();
  const auto filled = add_defaults(context.paths, options);
  auto plan = filled ? plan_of(context, options) : tl::make_unexpected(filled.error());
  if (!plan) {
    co_return tl::make_unexpected(plan.error());
  }
  if (options.up.preview) {
    const auto text = preview(context, *std::move(plan));
    const auto printed = text ? print(*text) : tl::make_unexpected(text.error());
    co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
  }
  ui::Progress progress(STDERR_FILENO, ui::terminal_of(STDERR_FILENO));
  int signal = 0;
  const auto report = co_await start_locked(context, *std::move(plan), options, progress, &signal);
  if (!report && signal != 0) {
    note(report.error().message);
    co_return 128 + signal;
  }
  if (!report) {
    co_return tl::make_unexpected(report.error());
  }
  if (options.follow || options.script.keeps_results) {
    co_return co_await follow_run(context, report->record, options.script, options.results);
  }
  const auto printed =
      print_report(context, *report, options.up.json ? &progress.timings() : nullptr);
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

void add_run_options(CLI::App& verb, RunOptions& options) {
  UpOptions& up = options.up;
  options.script.patience = std::chrono::minutes(15);
  verb.add_option("--name", up.name, "Its name; by default run-XXXXXX");
  verb.add_option("--source", options.sources,
                  "A file or a folder that the job gets, in the directory where CMD runs")
      ->allow_extra_args(false);
  verb.add_option("--pip", options.script.pip, "What pip installs before CMD runs")
      ->allow_extra_args(false);
  verb.add_option("--python", options.script.python,
                  "The python for pip, and for a CMD that begins with python");
  verb.add_option("--cluster", up.cluster, "Where it runs");
  verb.add_option("--image", up.image, "The image of its container");
  verb.add_option("--template", up.job_template, "A template: a file, or a name in jobtemplates/");
  verb.add_option("--gpus", up.gpus, "How many GPUs, or all");
  verb.add_option("--cpus", up.cpus, "How many CPUs, as in 2.5");
  verb.add_option("--memory", up.memory, "How much memory, as in 8g");
  verb.add_option("--shm", up.shm, "How much shared memory (/dev/shm), as in 1g");
  verb.add_option("--env", up.env, "KEY=VALUE for its environment, or KEY to pass yours on")
      ->allow_extra_args(false);
  verb.add_option("--mount", up.mounts, "HOST:PATH or HOST:PATH:ro")->allow_extra_args(false);
  verb.add_option("--vc", up.virtual_cluster, "OpenPAI: the virtual cluster whose share it uses");
  verb.add_option("--priority", up.priority, "OpenPAI: prod, test or oppo");
  verb.add_option("--sku", up.sku, "OpenPAI: the kind of node");
  verb.add_option("--storage", up.storages, "OpenPAI: a storage to mount, NAME or NAME:PATH")
      ->allow_extra_args(false);
  verb.add_option("--setup", up.setup, "OpenPAI: a line for the job's shell before all else")
      ->allow_extra_args(false);
  verb.add_option("--ttl", up.ttl, "How long it may take: 90m, 5h, 2d (default: no end)");
  verb.add_flag("--preview", up.preview, "Print what would be sent; start nothing");
}

void add_job_run(CLI::App& job, const Chosen& chosen, const std::vector<std::string>& rest) {
  auto o = std::make_shared<RunOptions>();
  o->script.command = rest;
  CLI::App* verb = add_verb(job, "run", "Run a command as a job, with files of yours",
                            "rdev job run --gpus 1 --source train.py --pip torchvision -- python "
                            "train.py");
  add_run_options(*verb, *o);
  verb->add_option("--port", o->ports, "OpenPAI: a port of its own, LABEL or LABEL=COUNT")
      ->allow_extra_args(false);
  verb->add_option("--instances", o->up.instances, "OpenPAI: how many of it");
  verb->add_flag("-f,--follow", o->follow,
                 "Print its log until it ends; rdev's exit code is CMD's");
  verb->add_option("--fetch", o->results,
                   "A file or a folder that CMD makes, brought here when it has ended; follows it")
      ->allow_extra_args(false);
  verb->add_flag("--json", o->up.json, "The result as JSON")->excludes("--follow", "--fetch");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return run_job(context, *o); }; });
}

}  // namespace rdev::commands
