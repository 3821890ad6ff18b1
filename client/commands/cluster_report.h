#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cluster/openpai/login.h"
#include "client/cluster/openpai/resources.h"
#include "client/commands/cluster_account.h"
#include "client/state/paths.h"
#include "client/templates/cluster_entry.h"

namespace rdev::commands {

// What `rdev cluster` prints: each as text for people and as JSON.

std::string joined_text(const templates::ClusterEntry& entry, const Member& member);
std::string joined_json(const templates::ClusterEntry& entry, const Member& member);

struct ClusterList {
  std::vector<templates::ClusterEntry> added;
  std::string selected;       // where `rdev up` starts jobs
  std::vector<Error> broken;  // files that cannot be read
};
ClusterList list_clusters(const state::Paths& paths);
std::string list_text(const ClusterList& list);
std::string list_json(const ClusterList& list);

// What the server says of itself and of the user. What it did not say is in `errors`.
struct ClusterFacts {
  std::string version;
  std::optional<cluster::openpai::Claims> claims;
  std::vector<cluster::openpai::VirtualCluster> virtual_clusters;  // the user's own
  std::vector<cluster::openpai::Sku> skus;
  std::vector<cluster::openpai::Storage> storages;
  std::vector<Error> errors;
};
awaitable<ClusterFacts> ask_cluster(const state::Paths& paths,
                                    const templates::ClusterEntry& entry);
std::string show_text(const templates::ClusterEntry& entry, const ClusterFacts& facts);
std::string show_json(const templates::ClusterEntry& entry, const ClusterFacts& facts);

// "there is no cluster 'x', did you mean …" where that is the fault; else `error`.
Error no_such_cluster(const state::Paths& paths, const std::string& name, const Error& error);

}  // namespace rdev::commands
