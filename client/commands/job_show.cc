// What is known of a job beside its state: its document, its events, its page.
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/commands/browser.h"
#include "client/commands/job.h"
#include "client/commands/queued_job.h"
#include "client/templates/yaml_text.h"
#include "client/ui/table.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;
namespace openpai = cluster::openpai;

struct Options {
  JobChoice choice;
  bool warnings = false;
  bool print_only = false;
  bool json = false;
};

awaitable<Result<int>> config(Context& context, const Options& options) {
  const auto job = co_await find_queued_job(context, options.choice.cluster, options.choice.job);
  const auto document =
      job ? co_await job->queue.api->document(job->key) : tl::make_unexpected(job.error());
  if (!document) {
    co_return tl::make_unexpected(document.error());
  }
  const auto printed =
      print(options.json ? json::serialize(*document) + "\n" : templates::to_yaml(*document));
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

std::string events_text(const std::vector<openpai::Event>& events, const ui::Look& look) {
  ui::Rows rows = {{"LAST SEEN", "TASK", "TIMES", "TYPE", "REASON", "MESSAGE"}};
  for (const openpai::Event& event : events) {
    const std::chrono::seconds age(static_cast<std::int64_t>(std::time(nullptr)) -
                                   event.last_ms / 1000);
    rows.push_back({event.last_ms == 0 ? "-" : ui::format_ago(age),
                    event.role + "." + std::to_string(event.index), std::to_string(event.count),
                    event.warning ? "Warning" : "Normal", event.reason, event.message});
  }
  return ui::render_table(rows, look);
}

json::array events_json(const std::vector<openpai::Event>& events) {
  json::array array;
  for (const openpai::Event& event : events) {
    array.push_back(json::object{{"role", event.role},
                                 {"index", event.index},
                                 {"type", event.warning ? "Warning" : "Normal"},
                                 {"reason", event.reason},
                                 {"message", event.message},
                                 {"count", event.count},
                                 {"last_unix_ms", event.last_ms}});
  }
  return array;
}

awaitable<Result<int>> events(Context& context, const Options& options) {
  const auto job = co_await find_queued_job(context, options.choice.cluster, options.choice.job);
  auto events = job ? co_await job->queue.api->events(job->key) : tl::make_unexpected(job.error());
  if (!events) {
    co_return tl::make_unexpected(events.error());
  }
  if (options.warnings) {
    std::erase_if(*events, [](const openpai::Event& event) { return !event.warning; });
  }
  if (events->empty() && !options.json) {
    note("there are no events of " + job->title() + " (they are kept for an hour or so)");
    co_return 0;
  }
  const auto printed = print(options.json ? json::serialize(events_json(*events)) + "\n"
                                          : events_text(*events, ui::look_of(STDOUT_FILENO)));
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

awaitable<Result<int>> open(Context& context, const Options& options) {
  const auto job = co_await find_queued_job(context, options.choice.cluster, options.choice.job);
  if (!job) {
    co_return tl::make_unexpected(job.error());
  }
  const std::string url = job_page(job->queue, job->user, job->name);
  const auto printed = print(url + "\n");
  const auto opened = printed && !options.print_only ? open_in_browser(url) : printed;
  co_return opened ? Result<int>(0) : tl::make_unexpected(opened.error());
}

CLI::App* add(CLI::App& job, const std::shared_ptr<Options>& o, const char* name,
              const char* summary, const char* example) {
  CLI::App* verb = add_verb(job, name, summary, example);
  add_job_choice(*verb, o->choice);
  return verb;
}

}  // namespace

void add_job_config(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      add(job, o, "config", "Print a job's document; what was secret in it is not given back",
          "rdev job config alice~train-42 > train.yaml");
  verb->add_flag("--json", o->json, "As JSON");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return config(context, *o); }; });
}

void add_job_events(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      add(job, o, "events", "What the cluster did for a job: why it waits, pulls, fails",
          "rdev job events train-42 --warnings");
  verb->add_flag("--warnings", o->warnings, "Only what went wrong");
  verb->add_flag("--json", o->json, "The result as JSON");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return events(context, *o); }; });
}

void add_job_open(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      add(job, o, "open", "Open a job's page in the web portal", "rdev job open train-42");
  verb->add_flag("--print", o->print_only, "Print its address only");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return open(context, *o); }; });
}

}  // namespace rdev::commands
