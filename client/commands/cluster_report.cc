#include "client/commands/cluster_report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>

#include "client/cluster/clusters.h"
#include "client/cluster/openpai/account.h"
#include "client/commands/defaults.h"
#include "client/ui/table.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;
namespace openpai = cluster::openpai;

using templates::ClusterEntry;

std::string expiry(const openpai::Claims& claims) {
  const auto left = openpai::expires_in(claims, std::time(nullptr));
  if (!left) {
    return "never expires";
  }
  return left->count() == 0 ? "has expired" : "expires in " + ui::format_age(*left);
}

json::object entry_json(const ClusterEntry& entry) {
  json::object object = {{"name", entry.name},
                         {"kind", entry.kind},
                         {"url", entry.url},
                         {"user", entry.user},
                         {"virtual_cluster", entry.virtual_cluster},
                         {"jump", entry.jump},
                         {"insecure", entry.insecure}};
  return object;
}

json::object amount_json(const openpai::Amount& amount) {
  return {{"gpus", amount.gpus}, {"cpus", amount.cpus}, {"memory_mb", amount.memory_mb}};
}

// 4 or 2.5, and MB as GB.
std::string number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) {
    text.pop_back();
  }
  return text;
}

std::string free_of(double free, double total) { return number(free) + "/" + number(total); }

template <class T>
void keep(Result<T> asked, T& target, std::vector<Error>& errors) {
  if (asked) {
    target = std::move(*asked);
  } else {
    errors.push_back(std::move(asked.error()));
  }
}

}  // namespace

std::string joined_text(const ClusterEntry& entry, const Member& member) {
  return entry.name + " is " + entry.url + " (OpenPAI " + member.version + "); you are " +
         entry.user + ", your token " + expiry(member.claims) + ".\n\n  rdev up --cluster " +
         entry.name + "\n";
}

std::string joined_json(const ClusterEntry& entry, const Member& member) {
  json::object object = entry_json(entry);
  object["version"] = member.version;
  object["token_expires_unix_s"] = member.claims.expires_unix_s.value_or(0);
  return json::serialize(object) + "\n";
}

ClusterList list_clusters(const state::Paths& paths) {
  ClusterList list;
  for (const std::string& name : templates::cluster_names(paths)) {
    auto entry = templates::load_cluster(paths, name);
    if (entry) {
      list.added.push_back(std::move(*entry));
    } else {
      list.broken.push_back(std::move(entry.error()));
    }
  }
  const auto defaults = load_defaults(paths);
  if (defaults) {
    list.selected = selected_cluster(*defaults);
  } else {
    list.broken.push_back(defaults.error());
  }
  return list;
}

std::string list_text(const ClusterList& list) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "KIND", "URL", "USER", ""}};
  const auto mark = [&](const std::string& name) {
    return std::string(name == list.selected ? "selected" : "");
  };
  rows.push_back({"local", "local", "-", "-", mark("local")});
  rows.push_back({"docker", "docker", "-", "-", mark("docker")});
  for (const ClusterEntry& entry : list.added) {
    rows.push_back({entry.name, entry.kind, entry.url, entry.user, mark(entry.name)});
  }
  return ui::render_table(rows);
}

std::string list_json(const ClusterList& list) {
  json::array array;
  for (const char* name : {"local", "docker"}) {
    array.push_back(
        json::object{{"name", name}, {"kind", name}, {"selected", list.selected == name}});
  }
  for (const ClusterEntry& entry : list.added) {
    json::object object = entry_json(entry);
    object["selected"] = list.selected == entry.name;
    array.push_back(std::move(object));
  }
  return json::serialize(array) + "\n";
}

awaitable<ClusterFacts> ask_cluster(const state::Paths& paths, const ClusterEntry& entry) {
  ClusterFacts facts;
  const auto account = openpai::account_of(paths, entry);
  if (!account) {
    facts.errors.push_back(account.error());
    co_return facts;
  }
  openpai::Api api(*account);
  const auto info = co_await api.info();
  const auto claims = info ? co_await api.claims() : tl::make_unexpected(info.error());
  if (!claims) {
    facts.version = info ? info->version : "";
    facts.errors.push_back(claims.error());
    co_return facts;
  }
  facts.version = info->version;
  facts.claims = *claims;
  std::vector<std::string> own;
  keep(co_await api.own_virtual_clusters(claims->username), own, facts.errors);
  keep(co_await api.virtual_clusters(), facts.virtual_clusters, facts.errors);
  if (openpai::has(*info, openpai::Feature::kStorages)) {
    keep(co_await api.skus(), facts.skus, facts.errors);
    keep(co_await api.storages(), facts.storages, facts.errors);
  }
  std::erase_if(facts.virtual_clusters, [&](const openpai::VirtualCluster& one) {
    return std::find(own.begin(), own.end(), one.name) == own.end();
  });
  co_return facts;
}

std::string show_text(const ClusterEntry& entry, const ClusterFacts& facts) {
  std::vector<std::vector<std::string>> rows = {
      {"name", entry.name}, {"kind", entry.kind}, {"url", entry.url}, {"user", entry.user}};
  if (!entry.jump.empty()) {
    rows.push_back({"jump host", entry.jump});
  }
  if (!facts.version.empty()) {
    rows.push_back({"version", facts.version});
  }
  if (facts.claims) {
    rows.push_back({"token", expiry(*facts.claims)});
  }
  std::string text = ui::render_table(rows);
  if (!facts.virtual_clusters.empty()) {
    rows = {{"VIRTUAL CLUSTER", "FREE GPUS", "FREE CPUS", "FREE MEMORY (GB)"}};
    for (const auto& one : facts.virtual_clusters) {
      rows.push_back(
          {one.name, free_of(one.free.gpus, one.guaranteed.gpus),
           free_of(one.free.cpus, one.guaranteed.cpus),
           free_of(static_cast<double>(static_cast<long>(one.free.memory_mb / 1024)),
                   static_cast<double>(static_cast<long>(one.guaranteed.memory_mb / 1024)))});
    }
    text += "\n" + ui::render_table(rows);
  }
  if (!facts.skus.empty()) {
    rows = {{"SKU", "GPUS", "CPUS", "MEMORY (MB)"}};
    for (const openpai::Sku& sku : facts.skus) {
      rows.push_back(
          {sku.name, number(sku.each.gpus), number(sku.each.cpus), number(sku.each.memory_mb)});
    }
    text += "\n" + ui::render_table(rows);
  }
  if (!facts.storages.empty()) {
    rows = {{"STORAGE"}};
    for (const openpai::Storage& storage : facts.storages) {
      rows.push_back({storage.name});
    }
    text += "\n" + ui::render_table(rows);
  }
  return text;
}

std::string show_json(const ClusterEntry& entry, const ClusterFacts& facts) {
  json::object object = entry_json(entry);
  object["version"] = facts.version;
  object["token_expires_unix_s"] = nullptr;
  if (facts.claims) {
    object["token_expires_unix_s"] = facts.claims->expires_unix_s.value_or(0);
  }
  json::array& clusters = object["virtual_clusters"].emplace_array();
  for (const auto& one : facts.virtual_clusters) {
    clusters.push_back(json::object{{"name", one.name},
                                    {"free", amount_json(one.free)},
                                    {"guaranteed", amount_json(one.guaranteed)}});
  }
  json::object& skus = object["skus"].emplace_object();
  for (const openpai::Sku& sku : facts.skus) {
    skus[sku.name] = amount_json(sku.each);
  }
  json::array& storages = object["storages"].emplace_array();
  for (const openpai::Storage& storage : facts.storages) {
    storages.emplace_back(storage.name);
  }
  return json::serialize(object) + "\n";
}

Error no_such_cluster(const state::Paths& paths, const std::string& name, const Error& error) {
  if (error.code != Code::kNotFound) {
    return error;
  }
  const auto known = cluster::Clusters::check_name(paths, name);
  return known ? error : known.error();
}

}  // namespace rdev::commands
