#include "client/commands/doctor.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/jobs.h"
#include "client/state/job_record.h"
#include "protocol/base/all_of.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

struct Options {
  std::string name;
  bool json = false;
};

std::vector<Check> checks_of(const state::Paths& paths) {
  const auto with_paths = [&paths](awaitable<Findings> (*look)(const state::Paths&)) {
    return [&paths, look] { return look(paths); };
  };
  std::vector<Check> checks = {
      {"rdev", check_program},
      {"ssh", check_ssh},
      {"ssh configuration", with_paths(check_ssh_config)},
      {"configuration", with_paths(check_configuration)},
      {"directories", with_paths(check_directories)},
      {"permissions", with_paths(check_permissions)},
      {"sockets", with_paths(check_sockets)},
      {"leftovers", with_paths(check_leftovers)},
      {"proxies", check_proxies},
      {"docker", check_docker},
  };
  for (const std::string& name : templates::cluster_names(paths)) {
    if (const auto entry = templates::load_cluster(paths, name)) {
      checks.push_back(
          {"cluster " + name, [&paths, entry = *entry] { return check_cluster(paths, entry); }});
    }  // else "configuration" says why it cannot be read
  }
  for (const std::string& job : state::list_instances(paths)) {
    checks.push_back({"job " + job, [&paths, job] { return check_link(paths, job); }});
  }
  checks.push_back({"ssh entries", with_paths(check_ssh_entries)});
  return checks;
}

awaitable<Result<Findings>> look_at(const Check& check) { co_return co_await check.look(); }

awaitable<Result<void>> look_in_time(const Check& check, Findings& findings) {
  auto found = co_await base::with_timeout(look_at(check), kCheckLimit, "looking");
  if (found) {
    findings = *std::move(found);
  } else {
    findings.push_back(fault(check.name, "no answer within 1.5 s",
                             "try again; what hangs there is not rdev's own"));
  }
  co_return Result<void>();
}

awaitable<Findings> look_at_all(const std::vector<Check>& checks) {
  std::vector<Findings> found(checks.size());
  std::vector<awaitable<Result<void>>> looks;
  looks.reserve(checks.size());
  for (std::size_t i = 0; i < checks.size(); ++i) {
    looks.push_back(look_in_time(checks[i], found[i]));
  }
  (void)co_await base::all_of(std::move(looks));  // no look fails
  Findings all;
  for (Findings& some : found) {
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  co_return all;
}

Colours colours() {
  const char* no = std::getenv("NO_COLOR");  // no-color.org: any value but none
  return ::isatty(STDOUT_FILENO) == 1 && (no == nullptr || *no == '\0') ? Colours::kYes
                                                                        : Colours::kNo;
}

awaitable<Result<int>> doctor(Context& context, const Options& options) {
  Findings findings;
  if (options.name.empty()) {
    findings = co_await look_at_all(checks_of(context.paths));
  } else {
    const auto name = instance_name(options.name);
    if (!name) {
      co_return tl::make_unexpected(name.error());
    }
    findings = co_await check_job(context, *name);
  }
  const auto printed = print(options.json ? as_json(findings) : as_text(findings, colours()));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return exit_code(findings);
}

}  // namespace

Run setup_doctor(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name,
                 "A job, or NAME.RANK: can it be reached, and what is in it. Without NAME: this "
                 "machine, and the clusters that it knows");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return doctor(context, *o); }); };
}

}  // namespace rdev::commands
