#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/commands/link_report.h"
#include "client/sshconfig/entry.h"
#include "client/ui/table.h"
#include "client/ui/units.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

struct Options {
  std::string name;
  bool json = false;
};

// A cluster that does not answer keeps nobody from what is known here.
constexpr std::chrono::seconds kClusterLimit{3};

struct Report {
  state::JobRecord record;
  std::string state;  // state_name(), or "unreachable"
  cluster::JobStatus status;
  LinkReport link;
};

std::string as_json(const Report& report) {
  const auto& [record, state, status, link] = report;
  json::object object = {
      {"name", record.name},
      {"cluster", record.cluster},
      {"state", state},
      {"reason", status.reason},
      {"exit_code", nullptr},
      {"image", record.image},
      {"host", sshconfig::host_alias(record.name)},
      {"user", record.user},
      {"host_public_key", record.host_public_key},
      {"endpoints", json::array(record.endpoints.begin(), record.endpoints.end())},
      {"id", record.id},
      {"native", record.native},
      {"created_unix_s", record.created_unix_s},
      {"ends_unix_s", record.ends_unix_s},
  };
  if (status.exit_code) {
    object["exit_code"] = *status.exit_code;
  }
  add_to(object, link);
  return json::serialize(object) + "\n";
}

std::string as_text(const Report& report) {
  const auto& [record, state, status, link] = report;
  const std::int64_t now = std::time(nullptr);
  std::vector<std::vector<std::string>> lines = {
      {"name", record.name},
      {"cluster", record.cluster},
      {"state", state},
  };
  if (!status.reason.empty()) {
    lines.push_back({"reason", status.reason});
  }
  if (status.exit_code) {
    lines.push_back({"exit code", std::to_string(*status.exit_code)});
  }
  if (!record.image.empty()) {
    lines.push_back({"image", record.image});
  }
  lines.push_back({"host", sshconfig::host_alias(record.name)});
  lines.push_back({"host key", record.host_public_key});
  for (const std::string& endpoint : record.endpoints) {
    lines.push_back({"endpoint", endpoint});
  }
  lines.push_back({"age", ui::format_age(std::chrono::seconds(now - record.created_unix_s))});
  if (record.ends_unix_s > now) {
    lines.push_back({"ends in", ui::format_age(std::chrono::seconds(record.ends_unix_s - now))});
  }
  add_to(lines, link);
  return ui::render_table(lines);
}

awaitable<Result<int>> status(Context& context, const Options& options) {
  const auto name = job_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  co_await clean_up_crashed(context);
  auto record = co_await find_job(context, *name);
  if (!record) {
    co_return tl::make_unexpected(record.error());
  }
  const auto cluster = cluster_of(context, *record);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  const cluster::JobRef ref = ref_of(*record);
  const auto asked = co_await base::with_timeout((*cluster)->status(ref), kClusterLimit,
                                                 "asking " + record->cluster);
  const cluster::JobStatus status =
      asked ? *asked : cluster::JobStatus{.reason = asked.error().message};
  LinkReport link = co_await ask_link(context.paths, *name);
  const Report report{.record = std::move(*record),
                      .state = asked ? state_name(status.state) : "unreachable",
                      .status = status,
                      .link = std::move(link)};
  const auto printed = print(options.json ? as_json(report) : as_text(report));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return 0;
}

}  // namespace

Run setup_status(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job; by default that of the working directory");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return status(context, *o); }); };
}

}  // namespace rdev::commands
