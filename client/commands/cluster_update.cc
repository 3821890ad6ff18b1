#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/commands/cluster_report.h"
#include "client/commands/cluster_verbs.h"
#include "client/ui/table.h"
#include "client/ui/units.h"
#include "protocol/base/all_of.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

using templates::ClusterEntry;

struct Options {
  std::vector<std::string> names;
  bool json = false;
};

struct Checked {
  ClusterEntry entry;
  ClusterFacts facts;
};

awaitable<Result<void>> check(Context& context, Checked& checked) {
  checked.facts = co_await ask_cluster(context.paths, checked.entry);
  // Whose token it is may not have been known yet.
  if (checked.facts.claims && checked.entry.user.empty()) {
    checked.entry.user = checked.facts.claims->username;
    co_return templates::save_cluster(context.paths, checked.entry);
  }
  co_return Result<void>();
}

std::string token_text(const ClusterFacts& facts) {
  if (!facts.claims) {
    return "-";
  }
  const auto left = cluster::openpai::expires_in(*facts.claims, std::time(nullptr));
  return left ? "expires in " + ui::format_age(*left) : "never expires";
}

std::string as_table(const std::vector<Checked>& all, const ui::Look& look) {
  ui::Rows rows = {{"NAME", "STATE", "VERSION", "USER", "TOKEN", "VIRTUAL CLUSTERS", "STORAGES"}};
  for (const Checked& one : all) {
    std::string clusters;
    for (const auto& virtual_cluster : one.facts.virtual_clusters) {
      clusters += (clusters.empty() ? "" : ", ") + virtual_cluster.name;
    }
    std::string storages;
    for (const auto& storage : one.facts.storages) {
      storages += (storages.empty() ? "" : ", ") + storage.name;
    }
    rows.push_back({one.entry.name, one.facts.errors.empty() ? "ok" : "failed",
                    one.facts.version.empty() ? "-" : one.facts.version,
                    one.entry.user.empty() ? "-" : one.entry.user, token_text(one.facts),
                    clusters.empty() ? "-" : clusters, storages.empty() ? "-" : storages});
  }
  return ui::render_table(rows, look);
}

std::string as_json(const std::vector<Checked>& all) {
  json::array array;
  for (const Checked& one : all) {
    json::object object = json::parse(show_json(one.entry, one.facts)).as_object();
    json::array problems;
    for (const Error& error : one.facts.errors) {
      problems.emplace_back(error.message);
    }
    object["problems"] = std::move(problems);
    array.push_back(std::move(object));
  }
  return json::serialize(array) + "\n";
}

awaitable<Result<int>> update(Context& context, const Options& options) {
  const std::vector<std::string> names =
      options.names.empty() ? templates::cluster_names(context.paths) : options.names;
  if (names.empty()) {
    co_return fail(Code::kUsage, "no cluster has been added (rdev cluster add adds one)");
  }
  int code = 0;
  std::vector<Checked> all;
  all.reserve(names.size());
  for (const std::string& name : names) {
    auto entry = templates::load_cluster(context.paths, name);
    if (!entry && !options.names.empty()) {
      co_return tl::make_unexpected(no_such_cluster(context.paths, name, entry.error()));
    }
    if (!entry) {
      note(entry.error().message);
      code = 1;
      continue;
    }
    all.push_back({.entry = *std::move(entry), .facts = {}});
  }
  std::vector<awaitable<Result<void>>> works;
  works.reserve(all.size());
  for (Checked& one : all) {
    works.push_back(check(context, one));
  }
  const auto checked = co_await base::all_of(std::move(works));
  const auto printed =
      checked ? print(options.json ? as_json(all) : as_table(all, ui::look_of(STDOUT_FILENO)))
              : checked;
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  for (const Checked& one : all) {
    for (const Error& error : one.facts.errors) {
      note(one.entry.name + ": " + error.message);
      code = 1;
    }
  }
  co_return code;
}

}  // namespace

void add_cluster_update(CLI::App& cluster, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cluster, "update", "Ask all clusters anew: version, token, what you may use there",
               "rdev cluster update");
  verb->add_option("NAME", o->names, "These; by default all that have been added");
  verb->add_flag("--json", o->json, "The result as JSON");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return update(context, *o); }; });
}

}  // namespace rdev::commands
