#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/interrupt.h"
#include "client/commands/jobs.h"
#include "client/commands/wait_notice.h"
#include "client/link/attach.h"
#include "client/terminal/exit_code.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

struct Options {
  std::string name;
  std::string by;
  bool json = false;
};

// Of several instances the one that ends first.
struct NewEnd {
  std::string refusal;  // the agent's sentence: there is no new end
  std::int64_t remaining_s = 0;
  std::int64_t unix_s = 0;  // by this laptop's clock
};

awaitable<Result<NewEnd>> ask_agent(const state::Paths& paths, std::string name,
                                    std::chrono::seconds by, WaitNotice& notice) {
  link_process::AttachOptions options;
  options.what = "extend";
  options.waiting = [&notice](const std::string& why) { notice.reason(why); };
  const auto link = co_await link_process::Attached::attach(paths, name, std::move(options));
  if (!link) {
    co_return tl::make_unexpected(link.error());
  }
  StreamRequest request;
  request.mutable_extend()->set_add_seconds(static_cast<std::uint64_t>(by.count()));
  const auto opened = co_await (*link)->open(request);
  if (!opened && opened.error().code == Code::kClosed) {
    co_return tl::make_unexpected(opened.error());
  }
  if (!opened) {
    co_return NewEnd{.refusal = opened.error().message};
  }
  Extended answer;
  if (!answer.ParseFromString(opened->answer)) {
    co_return fail(Code::kProtocol, "the agent's answer cannot be read");
  }
  const auto remaining = static_cast<std::int64_t>(answer.remaining_seconds());
  co_return NewEnd{
      .refusal = {}, .remaining_s = remaining, .unix_s = std::time(nullptr) + remaining};
}

// All instances: the job ends with the first of them.
awaitable<Result<NewEnd>> ask_agents(const state::Paths& paths, std::string job,
                                     std::chrono::seconds by, WaitNotice& notice) {
  NewEnd first;
  for (const std::string& name : state::all_instances(paths, job)) {
    auto end = co_await ask_agent(paths, name, by, notice);
    if (!end) {
      co_return prefix(name, end.error());
    }
    if (!end->refusal.empty()) {
      co_return end;
    }
    if (first.unix_s == 0 || end->unix_s < first.unix_s) {
      first = std::move(*end);
    }
  }
  co_return first;
}

Result<void> keep(const Context& context, const std::string& job, std::int64_t ends_unix_s) {
  const auto lock = lock_or_wait(context, job);
  if (!lock) {
    return tl::make_unexpected(lock.error());
  }
  for (const std::string& name : state::all_instances(context.paths, job)) {
    auto record = state::load(context.paths, name);
    if (!record) {
      return tl::make_unexpected(record.error());
    }
    record->ends_unix_s = ends_unix_s;
    if (auto saved = state::save(context.paths, *record); !saved) {
      return saved;
    }
  }
  return {};
}

std::string as_json(const std::string& name, const NewEnd& end) {
  const json::object object = {
      {"name", name}, {"remaining_s", end.remaining_s}, {"ends_unix_s", end.unix_s}};
  return json::serialize(object) + "\n";
}

std::string as_text(const std::string& name, const NewEnd& end) {
  const std::time_t at = end.unix_s;
  std::tm local{};
  char when[32] = {};
  ::localtime_r(&at, &local);
  std::strftime(when, sizeof when, "%Y-%m-%d %H:%M", &local);
  return name + " ends at " + when + " (in " +
         ui::format_age(std::chrono::seconds(end.remaining_s)) + ")\n";
}

Result<void> keep_and_tell(const Context& context, const Options& options, const std::string& name,
                           const NewEnd& end) {
  if (auto kept = keep(context, name, end.unix_s); !kept) {
    return kept;
  }
  return print(options.json ? as_json(name, end) : as_text(name, end));
}

awaitable<Result<int>> extend(Context& context, const Options& options) {
  const auto name = job_name(options.name);
  const auto by = ui::parse_lifetime(options.by);
  if (!name || !by) {
    co_return tl::make_unexpected(name ? by.error() : name.error());
  }
  if (!*by) {
    co_return fail(Code::kUsage, "say by how much, as in 2h: an end cannot be taken away");
  }
  int signal = 0;
  WaitNotice notice(context.executor, *name);
  const auto end = co_await interruptible(ask_agents(context.paths, *name, **by, notice), &signal);
  co_await notice.end();
  if (signal != 0) {
    co_return 128 + signal;
  }
  if (!end) {
    co_return tl::make_unexpected(end.error());
  }
  if (!end->refusal.empty()) {
    note("cannot extend " + *name + ": " + end->refusal);
    co_return 1;
  }
  if (auto told = keep_and_tell(context, options, *name, *end); !told) {
    note(*name + " lives longer, but: " + told.error().message);
    co_return 1;
  }
  co_return 0;
}

}  // namespace

Run setup_extend(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job")->required();
  app.add_option("BY", o->by, "How much longer it lives: 30m, 2h, 1d")->required();
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] {
    return run([o](Context& context) { return extend(context, *o); }, terminal::kLinkFailed);
  };
}

}  // namespace rdev::commands
