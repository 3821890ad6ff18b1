#include <boost/json.hpp>
#include <memory>
#include <set>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

struct Options {
  std::string name;
  bool all = false;
  bool forget = false;
  bool json = false;
};

// What is known of NAME once its lock is held. A record that cannot be read is no obstacle: the job
// is then looked for by its labels, and the record removed.
awaitable<Result<void>> take_down(Context& context, std::string name, bool forget) {
  const auto lock = lock_or_wait(context, name);
  if (!lock) {
    co_return tl::make_unexpected(lock.error());
  }
  const auto known = state::load(context.paths, name);
  const bool has_files = known || known.error().code != Code::kNotFound;
  if (forget && has_files) {
    co_return co_await forget_job(context, name);
  }
  if (!known && has_files) {
    note(known.error().message);
    (void)std::remove(state::job_files(context.paths, name).record.c_str());
  }
  auto record = co_await find_job(context, name);
  if (record) {
    co_return co_await remove_job(context, std::move(*record));
  }
  if (has_files && record.error().code == Code::kNotFound) {
    co_return co_await forget_job(context, name);
  }
  co_return tl::make_unexpected(record.error());
}

// Every job with a record, and every one that a cluster has under our label.
awaitable<Result<std::set<std::string>>> all_names(Context& context) {
  std::set<std::string> names;
  for (const state::JobRecord& record : state::list(context.paths).jobs) {
    names.insert(record.name);
  }
  const auto listed = co_await list_by_label(context, {});
  if (!listed) {
    co_return tl::make_unexpected(listed.error());
  }
  for (const Error& error : listed->unreachable) {
    note("a cluster could not be asked: " + error.message);
  }
  for (const ClusterJob& found : listed->jobs) {
    names.insert(found.job.ref.name);
  }
  co_return names;
}

awaitable<Result<int>> down(Context& context, const Options& options) {
  if (options.all && !options.name.empty()) {
    co_return fail(Code::kUsage, "give either NAME or --all");
  }
  if (options.all && options.forget) {
    co_return fail(Code::kUsage, "--forget is for one job at a time: give its NAME");
  }
  co_await clean_up_crashed(context);
  std::set<std::string> names;
  if (options.all) {
    auto all = co_await all_names(context);
    if (!all) {
      co_return tl::make_unexpected(all.error());
    }
    names = std::move(*all);
  } else {
    const auto name = job_name(options.name);
    if (!name) {
      co_return tl::make_unexpected(name.error());
    }
    names.insert(*name);
  }
  json::array removed;
  int code = 0;
  for (const std::string& name : names) {
    if (auto done = co_await take_down(context, name, options.forget); !done) {
      note(done.error().message);
      code = 1;
      continue;
    }
    removed.emplace_back(name);
    if (!options.json) {
      note(name + (options.forget ? " is forgotten" : " is down"));
    }
  }
  if (options.json) {
    if (auto printed = print(json::serialize(json::object{{"removed", removed}}) + "\n");
        !printed) {
      co_return tl::make_unexpected(printed.error());
    }
  }
  co_return code;
}

}  // namespace

Run setup_down(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job; by default that of the working directory");
  app.add_flag("--all", o->all, "Every job of yours, also those that have no state here");
  app.add_flag("--forget", o->forget,
               "Only forget the job here, for a cluster that will not answer again");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return down(context, *o); }); };
}

}  // namespace rdev::commands
