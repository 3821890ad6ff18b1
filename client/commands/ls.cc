#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <map>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/sshconfig/entry.h"
#include "client/ui/table.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

struct Options {
  bool all = false;
  bool json = false;
};

struct Row {
  state::JobRecord record;
  std::string state;   // state_name(), or "unreachable"
  std::string reason;  // a sentence, or empty
  bool lost = false;   // the cluster has it, this laptop has no state of it
};

using ClusterKey = std::pair<std::string, cluster::Pin>;

// A job's row; a cluster that does not answer once is not asked again.
awaitable<Row> ask(Context& context, state::JobRecord record,
                   std::map<ClusterKey, std::string>& unreachable) {
  Row row{.record = std::move(record), .state = "unreachable", .reason = {}};
  const ClusterKey key(row.record.cluster, row.record.pin);
  if (const auto known = unreachable.find(key); known != unreachable.end()) {
    row.reason = known->second;
    co_return row;
  }
  const auto cluster = cluster_of(context, row.record);
  if (!cluster) {
    row.reason = cluster.error().message;
    co_return row;
  }
  const cluster::JobRef ref = ref_of(row.record);
  const auto status = co_await (*cluster)->status(ref);
  if (!status) {
    row.reason = status.error().message;
    unreachable.emplace(key, row.reason);
    co_return row;
  }
  row.state = state_name(status->state);
  row.reason = status->reason;
  co_return row;
}

awaitable<Result<void>> add_lost(Context& context, std::vector<Row>& rows) {
  const auto listed = co_await list_by_label(context, {});
  if (!listed) {
    co_return tl::make_unexpected(listed.error());
  }
  for (const Error& error : listed->unreachable) {
    note("a cluster could not be asked: " + error.message);
  }
  for (const ClusterJob& found : listed->jobs) {
    const bool known = std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
      return row.record.id == found.job.ref.id;
    });
    if (!known) {
      rows.push_back({.record = record_from(found),
                      .state = state_name(found.job.status.state),
                      .reason = found.job.status.reason,
                      .lost = true});
    }
  }
  co_return Result<void>{};
}

std::string ends_in(const state::JobRecord& record, std::int64_t now) {
  if (record.ends_unix_s == 0) {
    return "-";
  }
  return record.ends_unix_s <= now ? "over"
                                   : ui::format_age(std::chrono::seconds(record.ends_unix_s - now));
}

std::string as_table(const std::vector<Row>& rows) {
  const std::int64_t now = std::time(nullptr);
  std::vector<std::vector<std::string>> table = {
      {"NAME", "CLUSTER", "STATE", "AGE", "ENDS IN", "IMAGE", "NOTE"}};
  for (const Row& row : rows) {
    const state::JobRecord& record = row.record;
    std::string remark =
        row.lost ? "no state here: rdev up takes it over, rdev down ends it" : row.reason;
    if (const int instances = state::instances_of(record); instances > 1) {
      remark.insert(0, std::to_string(instances) + " instances" + (remark.empty() ? "" : "; "));
    }
    table.push_back({record.name, record.cluster, row.state,
                     ui::format_age(std::chrono::seconds(now - record.created_unix_s)),
                     ends_in(record, now), record.image.empty() ? "-" : record.image, remark});
  }
  return ui::render_table(table);
}

std::string as_json(const std::vector<Row>& rows) {
  json::array jobs;
  for (const Row& row : rows) {
    jobs.push_back(json::object{{"name", row.record.name},
                                {"cluster", row.record.cluster},
                                {"state", row.state},
                                {"reason", row.reason},
                                {"image", row.record.image},
                                {"host", sshconfig::host_alias(row.record.name)},
                                {"instances", state::instances_of(row.record)},
                                {"created_unix_s", row.record.created_unix_s},
                                {"ends_unix_s", row.record.ends_unix_s},
                                {"has_state", !row.lost}});
  }
  return json::serialize(jobs) + "\n";
}

awaitable<Result<int>> ls(Context& context, const Options& options) {
  co_await clean_up_crashed(context);
  state::JobList known = state::list(context.paths);
  std::vector<Row> rows;
  rows.reserve(known.jobs.size());
  std::map<ClusterKey, std::string> unreachable;
  for (state::JobRecord& record : known.jobs) {
    rows.push_back(co_await ask(context, std::move(record), unreachable));
  }
  if (options.all) {
    if (auto added = co_await add_lost(context, rows); !added) {
      co_return tl::make_unexpected(added.error());
    }
  }
  for (const Error& broken : known.broken) {
    note(broken.message);
  }
  Result<void> printed;
  if (options.json) {
    printed = print(as_json(rows));
  } else if (rows.empty()) {
    note(options.all ? "there are no jobs" : "there are no jobs (rdev up starts one)");
  } else {
    printed = print(as_table(rows));
  }
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return known.broken.empty() ? 0 : 1;
}

}  // namespace

Run setup_ls(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_flag("--all", o->all, "Ask the clusters, too, for jobs of yours that have no state here");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return ls(context, *o); }); };
}

}  // namespace rdev::commands
