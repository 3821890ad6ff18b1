#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/commands/link_report.h"
#include "client/sshconfig/entry.h"
#include "client/state/instance_name.h"
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

// One of several instances.
struct Row {
  state::JobRecord record;
  std::string state, node;
  std::optional<int> exit_code;
  LinkReport link;
};

struct Report {
  state::JobRecord record;
  std::string state;  // state_name(), or "unreachable"
  cluster::JobStatus status;
  LinkReport link;
  std::vector<Row> rows;  // by rank, of a whole job of several instances
};

json::object as_json(const Row& row) {
  json::object object = {
      {"name", row.record.name},
      {"host", sshconfig::host_alias(row.record.name)},
      {"state", row.state},
      {"exit_code", nullptr},
      {"node", row.node},
      {"endpoints", json::array(row.record.endpoints.begin(), row.record.endpoints.end())},
  };
  if (row.exit_code) {
    object["exit_code"] = *row.exit_code;
  }
  add_to(object, row.link);
  return object;
}

std::string as_json(const Report& report) {
  const auto& [record, state, status, link, rows] = report;
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
  json::array& instances = object["instances"].emplace_array();
  for (const Row& row : rows) {
    instances.push_back(as_json(row));
  }
  return json::serialize(object) + "\n";
}

std::string as_table(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> table = {
      {"RANK", "STATE", "EXIT CODE", "LINK", "NODE", "ENDPOINT", "HOST"}};
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    const Row& row = rows[rank];
    table.push_back({std::to_string(rank), row.state,
                     row.exit_code ? std::to_string(*row.exit_code) : "-", link_text(row.link),
                     row.node.empty() ? "-" : row.node,
                     row.record.endpoints.empty() ? "-" : row.record.endpoints.front(),
                     sshconfig::host_alias(row.record.name)});
  }
  return ui::render_table(table);
}

std::string as_text(const Report& report) {
  const auto& [record, state, status, link, rows] = report;
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
  if (rows.empty()) {
    lines.push_back({"host", sshconfig::host_alias(record.name)});
    lines.push_back({"host key", record.host_public_key});
    for (const std::string& endpoint : record.endpoints) {
      lines.push_back({"endpoint", endpoint});
    }
  }
  lines.push_back({"age", ui::format_age(std::chrono::seconds(now - record.created_unix_s))});
  if (record.ends_unix_s > now) {
    lines.push_back({"ends in", ui::format_age(std::chrono::seconds(record.ends_unix_s - now))});
  }
  if (!rows.empty()) {
    return ui::render_table(lines) + "\n" + as_table(rows);
  }
  add_to(lines, link);
  return ui::render_table(lines);
}

awaitable<std::vector<Row>> ask_instances(Context& context, state::JobRecord job,
                                          cluster::JobStatus status) {
  std::vector<Row> rows;
  for (int rank = 0; rank < state::instances_of(job); ++rank) {
    const std::string name = state::instance_name(job.name, rank);
    auto known = state::load(context.paths, name);
    LinkReport link = co_await ask_link(context.paths, name);
    Row row{.record = known ? *std::move(known) : state::instance_of(job, rank),
            .state = "unknown",
            .node = {},
            .exit_code = {},
            .link = std::move(link)};
    if (static_cast<std::size_t>(rank) < status.instances.size()) {
      const auto& one = status.instances[static_cast<std::size_t>(rank)];
      row.state = state_name(one.state);
      row.node = one.node;
      row.exit_code = one.exit_code;
    }
    rows.push_back(std::move(row));
  }
  co_return rows;
}

// What is asked about one instance of several is its own; but when the job is over, so is it.
void keep_own(cluster::JobStatus& status, int rank) {
  if (static_cast<std::size_t>(rank) < status.instances.size() && !cluster::is_over(status)) {
    const auto& one = status.instances[static_cast<std::size_t>(rank)];
    status.state = one.state;
    status.exit_code = one.exit_code;
  }
}

awaitable<Result<int>> status(Context& context, const Options& options) {
  const auto name = instance_name(options.name);
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
  cluster::JobStatus status = asked ? *asked : cluster::JobStatus{.reason = asked.error().message};
  const bool has_several = !record->instance_keys.empty();
  const bool is_whole = has_several && options.name.find('.') == std::string::npos;
  std::vector<Row> rows;
  if (is_whole) {
    rows = co_await ask_instances(context, *record, status);
  } else if (has_several) {
    keep_own(status, ref.instance);
  }
  LinkReport link = co_await ask_link(context.paths, *name);
  const Report report{.record = std::move(*record),
                      .state = asked ? state_name(status.state) : "unreachable",
                      .status = status,
                      .link = std::move(link),
                      .rows = std::move(rows)};
  const auto printed = print(options.json ? as_json(report) : as_text(report));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return 0;
}

}  // namespace

Run setup_status(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name,
                 "The job, or NAME.RANK; by default that of the working directory");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return status(context, *o); }); };
}

}  // namespace rdev::commands
